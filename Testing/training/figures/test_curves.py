import numpy as np
import pytest

from voco3d.figures import curves
from voco3d.pretraining.monitoring.columns import PROBE_COLUMNS, TRAINING_COLUMNS
from voco3d.training.record import column


def training(count):
    random = np.random.default_rng(0)
    return [
        dict(zip(TRAINING_COLUMNS, [10.0 * (i + 1), *random.random(10)], strict=True))
        for i in range(count)
    ]


def probes(count=4):
    random = np.random.default_rng(1)
    rows = [
        dict(zip(PROBE_COLUMNS, [100.0 * i, *random.random(16)], strict=True)) for i in range(count)
    ]
    return [{**row, "channels": 64.0, "chance": 1 / 16, "untrained": 0.33} for row in rows]


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def assert_shows(line, rows, name):
    np.testing.assert_array_equal(line.get_xdata(), column(rows, "step"))
    np.testing.assert_array_equal(line.get_ydata(), column(rows, name))


def test_both_losses_are_shown_apart():
    rows, measured = training(20), probes()
    for axes, name in zip(
        curves.draw_losses(rows, measured).axes, ("prediction", "regularisation"), strict=True
    ):
        assert_shows(lines(axes)["training crops"], rows, name)
        assert_shows(lines(axes)["validation probe"], measured, name)
        assert name[:4] in axes.get_title(loc="left").lower()


def test_accuracy_stands_beside_chance_and_the_untrained_network():
    measured = probes()
    (axes,) = curves.draw_accuracy(measured).axes
    drawn = lines(axes)
    assert_shows(drawn["own bases"], measured, "top1")
    assert_shows(drawn["reference bases"], measured, "reference_top1")
    assert set(drawn["chance"].get_ydata()) == {1 / 16}
    assert set(drawn["untrained"].get_ydata()) == {0.33}
    assert {text.get_text() for text in axes.get_legend().get_texts()} == set(drawn)
    low, high = axes.get_ylim()
    assert low <= 0
    assert high >= 1


def test_an_unknown_untrained_accuracy_is_left_out():
    measured = [{**row, "untrained": float("nan")} for row in probes()]
    (axes,) = curves.draw_accuracy(measured).axes
    assert "untrained" not in lines(axes)


def test_the_overlap_error_stands_beside_that_of_always_saying_0():
    measured = probes()
    (axes,) = curves.draw_overlap_error(measured).axes
    assert_shows(lines(axes)["own bases"], measured, "overlap_error")
    assert_shows(lines(axes)["reference bases"], measured, "reference_overlap_error")
    assert set(lines(axes)["always 0"].get_ydata()) == {1 / 16}


def test_rank_and_deviation_stand_beside_their_extremes():
    measured = probes()
    rank, deviation = curves.draw_spread(measured).axes
    assert_shows(lines(rank)["probe"], measured, "effective_rank")
    assert_shows(lines(deviation)["probe"], measured, "deviation")
    assert set(lines(rank)["collapsed"].get_ydata()) == {1}
    assert set(lines(deviation)["anywhere on the sphere"].get_ydata()) == {1 / 8}


@pytest.mark.parametrize(
    ("draw", "names"),
    [
        (curves.draw_optimisation, ("gradient_norm", "learning_rate")),
        (curves.draw_pace, ("volumes_per_second", "waiting_share")),
    ],
)
def test_other_curves_show_their_columns(draw, names):
    rows = training(20)
    for axes, name in zip(draw(rows).axes, names, strict=True):
        assert_shows(axes.get_lines()[0], rows, name)


def test_many_rows_are_drawn_under_their_running_mean():
    rows = training(500)
    raw, mean = curves.draw_pace(rows).axes[0].get_lines()
    assert_shows(raw, rows, "volumes_per_second")
    values = column(rows, "volumes_per_second")
    assert mean.get_ydata()[250] == pytest.approx(values[240:261].mean())
    assert mean.get_ydata()[0] == pytest.approx(values[:11].mean())
    assert len(mean.get_ydata()) == 500
