"""What the modules of pre-training and fine-tuning have in common."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from Testing.training.finetuning.small_run import CONFIG
from voco3d.errors import VoCoError
from voco3d.training.module import TrainingModule
from voco3d.training.options import Compute


class Linear(TrainingModule):
    def __init__(self, clip: float | None = None, precision: str = "fp32") -> None:
        super().__init__()
        self.network = nn.Linear(3, 2)
        self.network.bias.requires_grad_(False)
        self.compute, self.clip, self.seed = Compute(precision=precision), clip, 4

    def options(self):
        return replace(CONFIG, seed=4)

    @property
    def result(self) -> nn.Module:
        return self.network

    def names_of_batch(self) -> list[str]:
        return ["a", "c"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_is_refused_with_what_it_was_made_of(value):
    with pytest.raises(VoCoError, match=rf"At step 0 the loss is {value}.*\(a, c\)"):
        Linear().check_loss(torch.tensor(value))
    Linear().check_loss(torch.tensor(1e30))


@pytest.mark.parametrize("clip", [None, 0.5, 100.0])
def test_the_gradient_is_measured_before_it_is_clipped(clip):
    module = Linear(clip)
    module.network.weight.grad = torch.full((2, 3), 2.0)
    module.configure_gradient_clipping(None)
    assert module.gradient_norm == pytest.approx(2 * math.sqrt(6))
    left = min(2 * math.sqrt(6), clip or math.inf)
    assert module.network.weight.grad.norm().item() == pytest.approx(left, rel=1e-4)


@pytest.mark.parametrize(("precision", "stops"), [("fp32", True), ("bf16", True), ("fp16", False)])
def test_a_gradient_that_is_not_finite_stops_unless_a_scaler_handles_it(precision, stops):
    module = Linear(precision=precision)
    module.network.weight.grad = torch.full((2, 3), math.inf)
    if stops:
        with pytest.raises(VoCoError, match=r"gradient's norm is inf.*\(a, c\)"):
            module.configure_gradient_clipping(None)
    else:
        module.configure_gradient_clipping(None)


def test_what_is_random_is_a_function_of_seed_step_and_process(monkeypatch):
    module, drawn = Linear(), []
    places = [(4, 0, 0), (4, 1, 0), (4, 0, 1), (5, 0, 0), (4, 0, 0)]
    for seed, step, rank in places:
        module.seed = seed
        monkeypatch.setattr(Linear, "global_step", step)
        monkeypatch.setattr(Linear, "global_rank", rank)
        module.seed_step()
        drawn.append(torch.rand(()).item())
    assert drawn[0] == drawn[-1]
    assert len(set(drawn)) == len(places) - 1


def test_only_what_wants_a_gradient_is_trained():
    module = Linear()
    assert [id(parameter) for parameter in module.trained()] == [id(module.network.weight)]


@pytest.mark.parametrize(("precision", "fused"), [("fp32", True), ("bf16", True), ("fp16", False)])
def test_the_optimiser_is_fused_but_where_a_scaler_must_come_first(precision, fused):
    module = Linear(precision=precision)
    optimizer = module.adamw(module.trained(), lr=0.25)
    assert optimizer.defaults["fused"] == fused
    assert optimizer.defaults["lr"] == 0.25


def test_a_checkpoint_says_what_it_is_of():
    checkpoint = {}
    Linear().on_save_checkpoint(checkpoint)
    assert checkpoint["config"] == replace(CONFIG, seed=4).to_plain()
