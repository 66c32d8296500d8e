"""Which runs a table has."""

import pytest

from Testing.training.compare.small_table import FINETUNE, config_of
from voco3d.compare.plan import PlannedRun, plan
from voco3d.errors import VoCoError


def test_every_cell_has_its_seeds_once_and_all_cases_fewer():
    config = config_of(
        initialisations={"none": None, "voco": "m"}, labels=["all", 10, 3], seeds=3, seeds_of_all=1
    )
    runs = plan(config, 99)
    expected = {(name, n, s) for name in ("none", "voco") for n in (3, 10) for s in (0, 1, 2)}
    expected |= {("none", 99, 0), ("voco", 99, 0)}
    assert {(run.initialisation, run.labels, run.seed) for run in runs} == expected
    assert len(runs) == len({run.name for run in runs}) == len(expected)


def test_what_can_be_compared_is_there_early():
    config = config_of(initialisations={"none": None, "voco": "m"}, labels=[3, 10], seeds=2)
    assert plan(config, 99)[:4] == [
        PlannedRun("none", 3, 0),
        PlannedRun("voco", 3, 0),
        PlannedRun("none", 10, 0),
        PlannedRun("voco", 10, 0),
    ]


def test_seeds_go_on_from_that_of_the_options():
    from dataclasses import replace

    config = config_of(labels=[1], seeds=2, finetune=replace(FINETUNE, seed=7))
    assert [run.seed for run in plan(config, 5)] == [7, 8]


def test_as_many_as_there_are_is_all():
    runs = plan(config_of(labels=[5, "all"], seeds=3), 5)
    assert [run.name for run in runs] == ["none-5-0"]


def test_more_labels_than_cases_are_refused():
    with pytest.raises(VoCoError, match="asks for 10 labelled cases, but the data list has 9"):
        plan(config_of(labels=[3, 10]), 9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"initialisations": {}}, "initialisations must name one or more"),
        ({"initialisations": {"../x": None}}, "cannot be called '../x'"),
        ({"labels": []}, "labels must be one or more numbers from 1 up, or all"),
        ({"labels": [0]}, "labels must be"),
        ({"seeds": 0}, "seeds must be 1 or more"),
        ({"seeds_of_all": 0}, "seeds_of_all must be 1 or more"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(VoCoError, match=message):
        config_of(**options)


def test_what_the_runs_cannot_share_is_refused():
    from dataclasses import replace

    from voco3d.finetuning.config import Network
    from voco3d.training.options import Compute

    with pytest.raises(VoCoError, match="say finetune.network.name"):
        config_of(finetune=replace(FINETUNE, init="headneck-voco"))
    with pytest.raises(VoCoError, match="say finetune.network.name"):
        config_of(finetune=replace(FINETUNE, network=Network(), init="headneck-voco"))
    with pytest.raises(VoCoError, match="Each run of a comparison trains on one device"):
        config_of(finetune=replace(FINETUNE, compute=Compute(devices=2)))
