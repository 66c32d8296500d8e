import math

import pytest
import torch

from Testing.training.pretraining.small_run import PlaceCrops, small_network
from voco3d.losses import RECIPES
from voco3d.pretraining.monitoring.collapse import judge, warnings_of
from voco3d.pretraining.monitoring.monitor import off_diagonal_mean
from voco3d.pretraining.monitoring.probe import Probe

HEALTHY = {
    "step": 6000,
    "warmup_steps": 5000,
    "crops": 256,
    "chance": 1 / 16,
    "untrained": 0.33,
    "top1": 0.71,
    "prediction": 0.1,
    "similarity": 0.05,
    "effective_rank": 40.0,
}


def row(**changes):
    return {**HEALTHY, **changes}


def test_a_healthy_run_learns():
    verdict = judge(HEALTHY)
    assert verdict.kind == "learning"
    assert str(verdict).split("(")[0].endswith("accuracy is 0.71 ")
    assert verdict.advice == ""


@pytest.mark.parametrize(
    ("changes", "evidence"),
    [
        ({"similarity": 0.97}, "mean similarity is 0.97"),
        ({"effective_rank": 1.2}, "effective rank is 1.2"),
        ({"top1": 0.07}, r"accuracy is 0.07, as guessing (0.06)"),
        ({"prediction": math.nan}, "not finite"),
    ],
)
def test_each_sign_of_a_collapse_is_named_after_the_warm_up_only(changes, evidence):
    verdict = judge(row(**changes))
    assert verdict.kind == "collapsed"
    assert len(verdict.evidence) == 1
    assert evidence in verdict.evidence[0]
    for try_this in ("learning rate", "volumes a step", "regularisation", "teacher", "crops"):
        assert try_this in verdict.advice
    assert judge(row(**changes, step=4999)).kind != "collapsed"


def test_a_run_that_is_no_better_than_the_untrained_network_is_told_so():
    verdict = judge(row(top1=0.35))
    assert verdict.kind == "no better than untrained"
    assert "6000 steps" in str(verdict)
    assert "untrained 0.33" in str(verdict)
    assert judge(row(top1=0.35, step=4000)).kind == "too early"


def test_better_than_untrained_means_beyond_two_standard_errors():
    bound = 0.33 + 2 * math.sqrt(0.33 * 0.67 / 256)
    assert judge(row(top1=bound + 0.001)).kind == "learning"
    assert judge(row(top1=bound - 0.001)).kind == "no better than untrained"


def test_without_an_untrained_figure_chance_takes_its_place():
    assert judge(row(untrained=math.nan, top1=0.3)).kind == "learning"
    assert "untrained unknown" in str(judge(row(untrained=math.nan)))


def test_the_untrained_network_itself_is_never_judged():
    assert judge(row(step=0, warmup_steps=0, top1=0.06, effective_rank=1.0)).kind == "too early"


def test_one_base_is_no_collapse():
    verdict = judge(row(chance=1.0, top1=1.0, untrained=1.0, similarity=math.nan))
    assert verdict.kind == "no better than untrained"


def test_a_warning_is_given_once_until_something_changes():
    probes = [
        row(step=0),
        row(step=5000, effective_rank=1.1),
        row(step=5500, effective_rank=1.1),
        row(step=6000),
        row(step=6500, top1=0.3),
        row(step=7000, effective_rank=1.1),
    ]
    warnings = warnings_of(probes)
    assert list(warnings) == [5000, 6500, 7000]
    assert warnings[5000].startswith("WARNING at step 5000: collapsed.")
    assert warnings[6500].startswith("NOTE at step 6500: no better than untrained.")


def measured(network):
    probe = Probe(PlaceCrops(crops=16), [(0, 0), (1, 1)], [(2, 2), (3, 3)])
    result = probe.measure(network, RECIPES["paper"])
    return row(
        crops=32,
        chance=1 / 4,
        untrained=0.5,
        top1=result.top1,
        prediction=result.prediction,
        similarity=off_diagonal_mean(result.similarity),
        effective_rank=result.effective_rank,
    )


def test_a_network_with_constant_embeddings_has_collapsed():
    network = small_network()
    with torch.no_grad():
        network.projector.linear3.weight.zero_()
    verdict = judge(measured(network))
    assert verdict.kind == "collapsed"
    assert "look alike" in verdict.evidence[0]
    assert "same way" in verdict.evidence[1]


def test_a_fresh_network_has_not_collapsed():
    probe = measured(small_network())
    assert judge({**probe, "top1": 0.9}).kind == "learning"
