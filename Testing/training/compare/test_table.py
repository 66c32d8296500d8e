"""The table's arithmetic against plain versions, and how it is written."""

import csv
import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from Testing.training.compare.small_table import config_of
from voco3d.compare.plan import PlannedRun
from voco3d.compare.results import RunResult
from voco3d.compare.table import dice_by_seed, gain_by_seed, spread
from voco3d.compare.table_files import markdown, write_table


def result(name: str, labels: int, seed: int, dice: float, **about) -> RunResult:
    values = {
        "structures": {"liver": dice, "spleen": math.nan},
        "cases": 16,
        "part": "test",
        "leak": "",
        "minutes": 12.34,
        "steps": 2000,
    }
    return RunResult(PlannedRun(name, labels, seed), dice, **{**values, **about})


@given(st.lists(st.floats(-1, 1), max_size=9))
def test_a_spread_is_mean_and_sample_deviation(values):
    found = spread(values)
    assert found.n == len(values)
    assert found.mean == pytest.approx(
        statistics.fmean(values) if values else math.nan, nan_ok=True
    )
    assert found.deviation == pytest.approx(
        statistics.stdev(values) if len(values) > 1 else math.nan, nan_ok=True, abs=1e-9
    )


@given(
    st.dictionaries(st.integers(0, 5), st.floats(0, 1)),
    st.dictionaries(st.integers(0, 5), st.floats(0, 1)),
)
def test_a_gain_is_in_points_between_runs_of_one_seed(none, voco):
    results = [result("none", 3, seed, dice) for seed, dice in none.items()]
    results += [result("voco", 3, seed, dice) for seed, dice in voco.items()]
    results += [result("voco", 10, seed, 0.9) for seed in range(6)]
    gains = gain_by_seed(results, "voco", "none", 3)
    assert gains == {
        seed: pytest.approx(100 * voco[seed] - 100 * none[seed]) for seed in none.keys() & voco
    }
    assert dice_by_seed(results, "voco", 3) == voco


CONFIG = config_of(initialisations={"none": None, "voco": "m"}, labels=[3, 10], seeds=3)
RUNS = [
    PlannedRun(n, labels, seed) for seed in range(3) for labels in (3, 10) for n in ("none", "voco")
]
RESULTS = [
    result("none", 3, 0, 0.40),
    result("none", 3, 1, 0.50),
    result("none", 3, 2, 0.60),
    result("voco", 3, 0, 0.45),
    result("voco", 3, 1, 0.54),
    result("none", 10, 0, 0.70),
    result("voco", 10, 0, 0.68),
]


def test_markdown_has_a_row_an_initialisation_and_gains_of_seeds_that_both_have():
    lines = markdown(CONFIG, RUNS, RESULTS).splitlines()
    assert "| initialisation | 3 labelled cases | 10 labelled cases |" in lines
    assert "| none | 50.0 ± 10.0 (3) | 70.0 (1) |" in lines
    assert "| voco | 49.5 ± 6.4 (2) | 68.0 (1) |" in lines
    assert "| voco | +4.5 ± 0.7 (2) | -2.0 (1) |" in lines
    assert not any(line.startswith("| none | +") for line in lines)
    assert any("Gain over none in Dice points" in line for line in lines)
    (measured,) = (line for line in lines if line.startswith("Measured"))
    assert "on the 16 test cases" in measured
    assert "(liver, spleen). 2000 steps a run; 7 of 12 runs are finished." in measured


def test_a_cell_without_runs_is_empty_and_unequal_steps_are_said():
    results = [RESULTS[0], result("voco", 10, 0, 0.6, steps=1500)]
    text = markdown(CONFIG, RUNS, results)
    assert "| voco | - | 60.0 (1) |" in text
    assert "| voco | - | - |" in text
    assert "1500 to 2000 steps a run" in text


def test_without_random_weights_there_are_no_gains():
    config = config_of(initialisations={"a": "m", "b": "n"}, labels=[3])
    assert "Gain" not in markdown(config, RUNS, [result("a", 3, 0, 0.5), result("b", 3, 0, 0.6)])


def test_a_warning_is_there_once():
    results = [result("voco", 3, seed, 0.5, leak="voco has seen it") for seed in range(3)]
    assert markdown(CONFIG, RUNS, results).count("**Warning:** voco has seen it.") == 1


def test_csv_has_a_row_a_run(tmp_path):
    write_table(tmp_path, CONFIG, RUNS, RESULTS)
    with (tmp_path / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(RESULTS)
    assert rows[4] == {
        "initialisation": "voco",
        "labels": "3",
        "seed": "1",
        "dice": "0.5400",
        "dice liver": "0.5400",
        "dice spleen": "",
        "minutes": "12.3",
        "steps": "2000",
    }
    assert (tmp_path / "table.md").read_text() == markdown(CONFIG, RUNS, RESULTS)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "table.csv",
        "table.md",
        "table.png",
    ]
