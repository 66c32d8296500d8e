import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.losses import DiceLoss
from torch import Tensor

from voco3d.finetuning.loss import SMOOTH, exclusive_loss, overlapping_loss

CROPS, STRUCTURES, SIDES = 3, 3, (2, 3, 2)


def case(seed: int, overlapping: bool, crops: int = CROPS) -> tuple[Tensor, Tensor, Tensor]:
    """Random logits, soft target and known structures; some structures are nowhere."""
    random = np.random.default_rng(seed)
    classes = STRUCTURES + (not overlapping)
    shape = (crops, classes, *SIDES)
    target = random.random(shape) * (random.random(shape) < 0.5)
    target[:, -1] *= random.random() < 0.5
    if not overlapping:
        target[:, 0] += 1e-9
        target /= target.sum(axis=1, keepdims=True)
    known = random.random((crops, STRUCTURES)) < 0.6
    logits = random.normal(0, 2, shape)
    return torch.tensor(logits), torch.tensor(target), torch.tensor(known)


def plain_dice(probability, target, known) -> float:
    """1 less the mean Dice over all voxels of all crops that know a structure."""
    losses = []
    for structure in range(STRUCTURES):
        shared = total = there = 0.0
        for crop in range(len(probability)):
            if known[crop][structure]:
                for voxel in np.ndindex(*SIDES):
                    p = float(probability[crop, structure][voxel])
                    t = float(target[crop, structure][voxel])
                    shared, total, there = shared + p * t, total + p + t, there + t
        if there > 0:
            losses.append(1 - (2 * shared + SMOOTH) / (total + SMOOTH))
    return sum(losses) / len(losses) if losses else 0.0


def plain_exclusive(logits, target, known) -> float:
    entropies = []
    for crop in range(len(logits)):
        for voxel in np.ndindex(*SIDES):
            scores = [math.exp(float(logits[crop, c][voxel])) for c in range(STRUCTURES + 1)]
            chance = [score / sum(scores) for score in scores]
            share = [float(target[crop, c][voxel]) for c in range(STRUCTURES + 1)]
            hidden = [0] + [s + 1 for s in range(STRUCTURES) if not known[crop][s]]
            seen = [c for c in range(STRUCTURES + 1) if c not in hidden]
            entropy = -sum(share[c] for c in hidden) * math.log(sum(chance[c] for c in hidden))
            entropies.append(entropy - sum(share[c] * math.log(chance[c]) for c in seen))
    probability = logits.float().softmax(1)[:, 1:]
    return sum(entropies) / len(entropies) + plain_dice(probability, target[:, 1:], known)


def plain_overlapping(logits, target, known) -> float:
    entropies = []
    for crop, structure in np.ndindex(len(logits), STRUCTURES):
        for voxel in np.ndindex(*SIDES) if known[crop][structure] else ():
            p = 1 / (1 + math.exp(-float(logits[crop, structure][voxel])))
            t = float(target[crop, structure][voxel])
            entropies.append(-t * math.log(p) - (1 - t) * math.log(1 - p))
    mean = sum(entropies) / len(entropies) if entropies else 0.0
    return mean + plain_dice(logits.sigmoid(), target, known)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6))
def test_the_losses_are_those_of_plain_loops(seed):
    for loss, plain, overlapping in (
        (exclusive_loss, plain_exclusive, False),
        (overlapping_loss, plain_overlapping, True),
    ):
        logits, target, known = case(seed, overlapping)
        assert float(loss(logits, target, known)) == pytest.approx(
            plain(logits, target, known), rel=1e-4, abs=1e-6
        )


def test_where_all_is_known_it_is_monai_s_dice_and_cross_entropy():
    labels = torch.randint(0, STRUCTURES + 1, (CROPS, 1, 4, 5, 6), generator=torch.manual_seed(1))
    target = torch.zeros(CROPS, STRUCTURES + 1, 4, 5, 6).scatter_(1, labels, 1.0)
    logits = 2 * torch.randn(target.shape, generator=torch.manual_seed(2))
    known = torch.ones(CROPS, STRUCTURES, dtype=torch.bool)
    dice = DiceLoss(include_background=False, softmax=True, batch=True)(logits, target)
    entropy = torch.nn.CrossEntropyLoss()(logits, labels[:, 0])
    torch.testing.assert_close(exclusive_loss(logits, target, known), dice + entropy)
    some = target[:, 1:]
    dice = DiceLoss(sigmoid=True, batch=True)(logits[:, 1:], some)
    entropy = torch.nn.BCEWithLogitsLoss()(logits[:, 1:], some)
    torch.testing.assert_close(overlapping_loss(logits[:, 1:], some, known), dice + entropy)


def test_an_unknown_structure_is_one_class_with_background():
    """The loss and its gradient are those of a network that gives the two one probability."""
    logits, target, known = case(3, overlapping=False)
    logits, target = logits.float().requires_grad_(), target.float()
    known[:] = torch.tensor([True, False, True])
    loss = exclusive_loss(logits, target, known)
    merged = torch.stack([logits[:, [0, 2]].logsumexp(1), logits[:, 1], logits[:, 3]], dim=1)
    shares = torch.stack([target[:, [0, 2]].sum(1), target[:, 1], target[:, 3]], dim=1)
    other = exclusive_loss(merged, shares, torch.ones(CROPS, 2, dtype=torch.bool))
    torch.testing.assert_close(loss, other)
    gradients = [torch.autograd.grad(one, logits, retain_graph=True)[0] for one in (loss, other)]
    torch.testing.assert_close(*gradients)


def test_marking_an_unknown_structure_where_the_case_has_background_costs_nothing():
    target = torch.zeros(1, 3, 4, 4, 4)
    target[:, 0] = 1
    logits = torch.full_like(target, -20.0)
    logits[:, 2] = 20
    unknown = exclusive_loss(logits, target, torch.tensor([[True, False]]))
    assert float(unknown) == pytest.approx(0, abs=1e-5)
    assert float(exclusive_loss(logits, target, torch.tensor([[True, True]]))) > 10


def test_structures_that_no_case_knows_have_no_gradient_where_they_may_overlap():
    logits, target, known = case(4, overlapping=True)
    known[:] = torch.tensor([True, False, True])
    logits.requires_grad_()
    overlapping_loss(logits, target, known).backward()
    assert logits.grad[:, 1].abs().max() == 0
    assert (logits.grad[:, [0, 2]].abs().amax((0, 2, 3, 4)) > 0).all()


@pytest.mark.parametrize("known", [True, False])
def test_an_absent_structure_does_not_dilute_the_dice_of_the_others(known):
    """Where a network does not see it, the loss is that of a network without it."""
    logits, target, _ = case(7, overlapping=False)
    logits[:, 3], target[:, 3] = -60, 0
    target /= target.sum(dim=1, keepdim=True)
    everything = torch.tensor([[True, True, known]]).expand(CROPS, -1)
    loss = exclusive_loss(logits, target, everything)
    torch.testing.assert_close(
        loss, exclusive_loss(logits[:, :3], target[:, :3], everything[:, :2])
    )


@pytest.mark.parametrize("loss", [exclusive_loss, overlapping_loss])
def test_the_gradient_is_that_of_the_loss(loss, monkeypatch):
    monkeypatch.setattr(Tensor, "float", Tensor.double)
    logits, target, known = case(5, loss is overlapping_loss, crops=2)
    assert torch.autograd.gradcheck(
        lambda values: loss(values, target, known), logits.double().requires_grad_()
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("loss", [exclusive_loss, overlapping_loss])
@pytest.mark.parametrize("content", ["as drawn", "nothing", "nothing known"])
def test_extreme_logits_and_empty_crops_stay_finite(loss, dtype, content):
    logits, target, known = case(6, loss is overlapping_loss)
    logits = (logits * 100).to(dtype).requires_grad_()
    if content == "nothing":
        target[:] = 0
        if loss is exclusive_loss:
            target[:, 0] = 1
    if content == "nothing known":
        known[:] = False
    value = loss(logits, target.float(), known)
    value.backward()
    assert value.dtype == torch.float32
    assert value.isfinite()
    assert logits.grad.isfinite().all()
    if content == "nothing known" and loss is exclusive_loss:
        assert value.item() == pytest.approx(0, abs=1e-5)
