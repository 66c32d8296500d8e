"""Dice and cross-entropy for soft targets, where a case may lack contours of some structures."""

import torch
import torch.nn.functional as F
from torch import Tensor

SMOOTH = 1e-5


def exclusive_loss(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Dice loss of the structures plus cross-entropy, for classes that exclude each other.

    Where a case has no contours for a structure, its voxels are among what the case calls
    background: there the probability of background is that of all such classes together, and its
    Dice is left out. A structure that is nowhere in the batch has no Dice either; false alarms
    still cost cross-entropy.

    Source: Milletari et al., V-Net, 3DV 2016 (Dice); Shi et al., Marginal loss and exclusion loss
    for partially supervised multi-organ segmentation, Medical Image Analysis 2021 (the sum).

    Args:
        logits: ``(crop, 1 + structure, x, y, z)``, background first.
        target: Shares of the same shape, which sum to 1 over the classes.
        known: bool ``(crop, structure)``.
    """
    logs = F.log_softmax(logits.float(), dim=1)
    unknown = ~torch.cat([torch.zeros_like(known[:, :1]), known], dim=1)[..., None, None, None]
    background = unknown.clone()
    background[:, 0] = True
    together = torch.logsumexp(logs.masked_fill(~background, -torch.inf), dim=1)
    rest = (target * background).sum(dim=1)
    own = (target * logs).masked_fill(background, 0).sum(dim=1)
    entropy = -(own + rest * together).mean()
    return entropy + _dice_loss(logs[:, 1:].exp(), target[:, 1:], known)


def overlapping_loss(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Dice loss plus binary cross-entropy, for structures that may overlap.

    Args:
        logits: ``(crop, structure, x, y, z)``.
        target: Shares of the same shape, each 0..1.
        known: bool ``(crop, structure)``; the others count for nothing.
    """
    logits = logits.float()
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    each = entropy.mean(dim=(2, 3, 4))
    mean = (each * known).sum() / known.sum().clamp(min=1)
    return mean + _dice_loss(logits.sigmoid(), target, known)


def _dice_loss(probability: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """1 less the mean Dice of the structures in the batch, all its crops taken together."""
    weight = known[..., None, None, None]
    axes = (0, 2, 3, 4)
    shared = (probability * target * weight).sum(axes)
    total = ((probability + target) * weight).sum(axes)
    there = (target * weight).sum(axes) > 0
    dice = (2 * shared + SMOOTH) / (total + SMOOTH)
    return ((1 - dice) * there).sum() / there.sum().clamp(min=1)
