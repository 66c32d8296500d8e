import math

import numpy as np
import pytest

from voco3d.compare.plan import PlannedRun
from voco3d.compare.results import RunResult
from voco3d.figures.comparison import draw_comparison
from voco3d.figures.style import FAINT

DICE = {
    ("none", 3): [0.4, 0.5],
    ("voco", 3): [0.5, 0.52],
    ("none", 99): [0.8],
    ("voco", 99): [0.79],
}


def results(dice=DICE):
    return [
        RunResult(PlannedRun(name, n, seed), d, {"a": d}, 5, "test", "", 1.0, 10)
        for (name, n), values in dice.items()
        for seed, d in enumerate(values)
    ]


def drawn(axes, name):
    return next(line for line in axes.get_lines() if line.get_label() == name)


def test_lines_go_through_the_means_of_the_seeds():
    left, right = draw_comparison(results(), ["none", "voco"], "none").axes
    np.testing.assert_allclose(drawn(left, "none").get_ydata(), [45, 80])
    np.testing.assert_allclose(drawn(left, "voco").get_ydata(), [51, 79])
    np.testing.assert_allclose(drawn(right, "voco").get_ydata(), [6, -1])
    assert drawn(left, "none").get_color() == FAINT
    assert drawn(left, "voco").get_color() == drawn(right, "voco").get_color() != FAINT


def test_each_of_several_seeds_is_a_small_dot_at_its_mean():
    left, _ = draw_comparison(results(), ["none", "voco"], "none").axes
    for name in ("none", "voco"):
        mean = drawn(left, name)
        (small,) = (
            line
            for line in left.get_lines()
            if line.get_linestyle() == "None" and line.get_color() == mean.get_color()
        )
        np.testing.assert_allclose(small.get_ydata(), [100 * d for d in DICE[name, 3]])
        assert set(small.get_xdata()) == {mean.get_xdata()[0]}
        assert small.get_markersize() < mean.get_markersize()


def test_initialisations_stand_side_by_side_near_their_number_and_alike_in_both_panels():
    left, right = draw_comparison(results(), ["none", "voco"], "none").axes
    none, voco = drawn(left, "none").get_xdata(), drawn(left, "voco").get_xdata()
    assert (none < voco).all()
    np.testing.assert_allclose(np.sqrt(none * voco), [3, 99])
    assert voco[0] / none[0] < 1.2
    np.testing.assert_allclose(drawn(right, "voco").get_xdata(), voco)
    assert list(left.get_xticks()) == [3, 99]


@pytest.mark.parametrize("baseline", [None, "none"])
def test_without_anything_to_compare_with_there_is_one_panel(baseline):
    names = ["none"] if baseline else ["voco"]
    one = [each for each in results() if each.run.initialisation in names]
    assert len(draw_comparison(one, names, baseline).axes) == 1


def test_one_number_of_cases_and_missing_runs_can_be_drawn():
    dice = {("none", 10): [0.5], ("voco", 10): [0.6]}
    figure = draw_comparison(results(dice), ["none", "voco", "later"], "none")
    figure.canvas.draw()
    low, high = figure.axes[0].get_xlim()
    assert low < 10 < high
    assert math.isfinite(low * high)


def test_many_initialisations_all_look_different():
    names = ["none", *(f"i{k}" for k in range(9))]
    dice = {(name, n): [0.5, 0.6] for name in names for n in (3, 10)}
    left, _ = draw_comparison(results(dice), names, "none").axes
    looks = {
        (line.get_color(), line.get_marker(), line.get_linestyle())
        for line in (drawn(left, name) for name in names)
    }
    assert len(looks) == len(names)
