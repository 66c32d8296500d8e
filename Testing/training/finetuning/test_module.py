import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from Testing.training.finetuning.small_run import CONFIG, changed
from voco3d.errors import VoCoError
from voco3d.finetuning.config import FinetuneConfig, Network
from voco3d.finetuning.module import SegmentationModule
from voco3d.finetuning.network import build_start
from voco3d.training.schedule import warm_cosine

NETWORKS = {
    "unet": (CONFIG.network, (16, 16, 16)),
    "swin_unetr": (Network("swin_unetr", {"feature_size": 12}), (64, 32, 32)),
    "unetr": (
        Network(
            "unetr",
            {
                "img_size": [32, 32, 16],
                "feature_size": 4,
                "hidden_size": 12,
                "mlp_dim": 8,
                "num_heads": 3,
            },
        ),
        (32, 32, 16),
    ),
}
NAMES = ["a", "b", "c"]


def make_module(config: FinetuneConfig = CONFIG, overlapping: bool = False) -> SegmentationModule:
    torch.manual_seed(0)
    network = build_start(config, 1, 3 - overlapping).network
    return SegmentationModule(config, network, overlapping, NAMES).train()


def make_batch(config: FinetuneConfig = CONFIG, overlapping: bool = False) -> dict[str, Tensor]:
    """Two cases of two crops; the second case has no contours for the second structure."""
    torch.manual_seed(1)
    size = config.crops.size
    target = torch.rand(2, 2, 3 - overlapping, *size)
    if not overlapping:
        target[1, :, 2] = 0
        target /= target.sum(dim=2, keepdim=True)
    known = torch.tensor([[True, True], [True, False]])
    return {
        "image": torch.rand(2, 2, 1, *size),
        "target": target,
        "known": known[:, None].expand(2, 2, 2),
        "case": torch.tensor([2, 1]),
    }


def steps(module: SegmentationModule, count: int, batches=None):
    """Optimiser steps as Lightning takes them; yields after each."""
    planned = module.configure_optimizers()
    optimizer, scheduler = planned["optimizer"], planned["lr_scheduler"]["scheduler"]
    for step in range(count):
        optimizer.zero_grad()
        module.training_step(batches[step] if batches else make_batch(), 0).backward()
        module.configure_gradient_clipping(optimizer)
        optimizer.step()
        scheduler.step()
        yield step


@pytest.mark.parametrize("overlapping", [False, True])
def test_a_step_is_the_loss_of_all_crops_of_the_batch(overlapping):
    module, batch = make_module(overlapping=overlapping), make_batch(overlapping=overlapping)
    crops = [module.network(batch["image"][case]) for case in (0, 1)]
    loss = module.loss(
        torch.cat(crops), torch.cat([*batch["target"]]), torch.cat([*batch["known"]])
    )
    torch.testing.assert_close(module.training_step(batch, 0), loss)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("kind", NETWORKS)
def test_what_is_trained_gets_a_gradient_and_nothing_else(kind, frozen):
    """Several processes wait for the gradient of every parameter that wants one."""
    network, size = NETWORKS[kind]
    config = changed("crops", replace(CONFIG, network=network), size=size)
    config = changed("optimisation", config, average=0.9, frozen_steps=None if frozen else 0)
    module, batch = make_module(config), make_batch(config)
    batch = {key: value[:1, :1] if value.dim() > 1 else value[:1] for key, value in batch.items()}
    module.training_step(batch, 0).backward()
    for key, parameter in module.network.named_parameters():
        wanted = "norm_cross_attn" not in key  # MONAI's transformer does not use it
        wanted &= not (frozen and module.network.is_encoder_key(key))
        assert parameter.requires_grad == wanted, key
        assert (parameter.grad is not None) == wanted, key
    assert not any(p.requires_grad or p.grad is not None for p in module.average.parameters())


@pytest.mark.parametrize("at_once", [1, 3])
def test_parts_at_a_time_give_the_same_gradients(at_once):
    whole, parts = make_module(), make_module(changed("compute", at_once=at_once))
    for module in (whole, parts):
        module.training_step(make_batch(), 0).backward()
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("frozen", [2, 4, None])
def test_a_frozen_encoder_stays_for_its_steps_and_then_moves(frozen):
    config = changed("optimisation", frozen_steps=frozen, steps=6, warmup=0)
    module = make_module(config)
    before = copy.deepcopy(module.network.state_dict())
    learned = dict(module.network.named_parameters())
    for step in steps(module, 5):
        now = module.network.state_dict()
        for key in learned:
            stays = module.network.is_encoder_key(key) and (frozen is None or step < frozen)
            assert torch.equal(now[key], before[key]) == stays, (step, key)


def test_each_level_learns_at_its_own_rate():
    options = {"learning_rate": 0.1, "encoder_rate": 0.5, "layer_decay": 0.25, "frozen_steps": 1}
    module = make_module(changed("optimisation", warmup=2, steps=6, **options))
    planned = module.configure_optimizers()
    optimizer, scheduler = planned["optimizer"], planned["lr_scheduler"]["scheduler"]
    assert planned["lr_scheduler"]["interval"] == "step"
    levels = module.network.encoder_levels
    rate = {}
    for step in range(6):
        for group in optimizer.param_groups:
            rate.update({id(parameter): group["lr"] for parameter in group["params"]})
        for key, parameter in module.network.named_parameters():
            level = module.network.encoder_level(key)
            expected = 0.1 * warm_cosine(step, 2, 6)
            if level is not None:
                expected *= (step >= 1) * 0.5 * 0.25 ** (levels - 1 - level)
            assert rate[id(parameter)] == pytest.approx(expected), (step, key)
        optimizer.step()
        scheduler.step()


def test_the_same_options_give_the_same_step():
    states = []
    for _ in range(2):
        module = make_module()
        list(steps(module, 2))
        states.append(module.network.state_dict())
    torch.testing.assert_close(*states, atol=0, rtol=0)


def test_the_average_is_this_formula(monkeypatch):
    keep = 0.25
    module = make_module(changed("optimisation", average=keep, steps=8, warmup=0))
    optimizer = module.configure_optimizers()["optimizer"]
    plain = {key: value.double() for key, value in module.network.state_dict().items()}
    for step in range(5):
        monkeypatch.setattr(SegmentationModule, "global_step", step)
        optimizer.zero_grad()
        module.training_step(make_batch(), 0).backward()
        module.optimizer_step(0, 0, optimizer, lambda: None)
        share = min(keep, (1 + step) / (10 + step))
        for key, value in module.network.state_dict().items():
            plain[key] = share * plain[key] + (1 - share) * value.double()
    assert module.result is module.average.average
    for key, value in module.result.state_dict().items():
        np.testing.assert_allclose(value.double(), plain[key], atol=1e-6)
    learned = [dict(network.named_parameters()) for network in (module.result, module.network)]
    assert not any(torch.equal(learned[0][key], learned[1][key]) for key in learned[0])


def test_without_an_average_the_network_itself_is_kept():
    module = make_module()
    assert module.average is None
    assert module.result is module.network


def test_what_is_random_in_a_step_depends_on_the_step_alone():
    config = changed("optimisation", accumulate=2)
    module, drawn = make_module(config), []
    for noise in (1, 2):
        torch.manual_seed(noise)
        module.training_step(make_batch(config), 0)
        drawn.append(torch.rand(3))
    assert torch.equal(*drawn)
    torch.manual_seed(5)
    batch = make_batch(config)
    noise = torch.get_rng_state()
    module.training_step(batch, 1)  # the second half of a step goes on
    assert torch.equal(torch.get_rng_state(), noise)


@pytest.mark.parametrize("overlapping", [False, True])
def test_the_loss_is_in_single_precision(overlapping):
    module = make_module(overlapping=overlapping)
    with torch.autocast("cpu", torch.bfloat16):
        loss = module.training_step(make_batch(overlapping=overlapping), 0)
    assert loss.dtype == torch.float32


def test_a_loss_that_is_not_finite_names_the_cases():
    batch = make_batch()
    batch["image"][1, 0, 0, 0, 0, 0] = math.nan
    with pytest.raises(VoCoError, match=r"At step 0 the loss is nan.*\(c, b\)"):
        make_module().training_step(batch, 0)


@pytest.mark.parametrize("clip", [None, 0.01])
def test_the_gradient_is_measured_before_it_is_clipped(clip):
    module = make_module(changed("optimisation", clip=clip))
    module.training_step(make_batch(), 0).backward()

    def norm() -> float:
        grads = [p.grad.double().flatten() for p in module.parameters() if p.grad is not None]
        return torch.cat(grads).norm().item()

    before = norm()
    module.configure_gradient_clipping(None)
    assert module.gradient_norm == pytest.approx(before, rel=1e-4)
    assert norm() == pytest.approx(min(before, clip or before), rel=1e-3)


def test_a_compiled_network_is_stored_once():
    """Without a compiler on the test machine: nothing but the network has weights."""
    module = make_module(changed("compute", compile=True))
    assert {key.partition(".")[0] for key in module.state_dict()} == {"network"}


@pytest.mark.parametrize("overlapping", [False, True])
def test_the_loss_is_a_mean_over_the_cases_and_their_crops(overlapping):
    """So accumulated gradients have the size of those of one batch. Equal they are only for equal
    batches: Dice is that of a batch."""
    module, batch = make_module(overlapping=overlapping), make_batch(overlapping=overlapping)
    one = {key: value[:1] for key, value in batch.items()}
    twice = {key: torch.cat([value, value]) for key, value in one.items()}
    torch.testing.assert_close(module.training_step(twice, 0), module.training_step(one, 0))
