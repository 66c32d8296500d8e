"""How far the predicted overlaps are from the true ones."""

from typing import Literal

import torch
from torch import Tensor

EPSILON = 1e-6
"""Keeps the logarithms finite where prediction and label are 1 apart."""


def entropy_loss(logits: Tensor, overlaps: Tensor) -> Tensor:
    """L_pred of the paper: mean of -log(1 - d) with d = abs(y - l).

    Equation 3 is undefined at d = 1, so d is clamped just below.

    Source: Equations 2 and 3.

    Args:
        logits: Predicted overlaps l, ``(volume, crop, base)``, from 0 to 1.
        overlaps: True overlaps y of the same shape.

    Returns:
        The mean over bases, crops and volumes, a scalar.
    """
    distance = (overlaps - logits).abs().clamp(max=1 - EPSILON)
    return -torch.log1p(-distance).mean()


def split_loss(logits: Tensor, overlaps: Tensor, negatives: Literal["square", "log"]) -> Tensor:
    """L_pred of the authors' code: bases that a crop overlaps, and bases that it does not.

    Bases with y > 0 give the y-weighted mean of -log(1 - d + 1e-6), d = abs(y - l); bases with
    y = 0 give the mean of l^2 ("square") or of -log(1 - l + 1e-6) ("log"). Both means are taken
    over the crops of a volume, then over volumes. Nearly all labels are 0: the mean of Equation 3
    is theirs, this sum is not.

    Source: the authors' released code, 2024 ("square") and 2025 ("log").

    Args:
        logits: Predicted overlaps l, ``(volume, crop, base)``, from 0 to 1.
        overlaps: True overlaps y of the same shape.
        negatives: What bases without overlap cost.

    Returns:
        A scalar.
    """
    distance = (overlaps - logits).abs()
    cost = overlaps * -torch.log(1 - distance + EPSILON)
    positive = cost.sum(dim=(1, 2)) / overlaps.sum(dim=(1, 2)).clamp(min=EPSILON)
    outside = (overlaps == 0).to(logits.dtype)
    penalty = logits.square() if negatives == "square" else -torch.log(1 - logits + EPSILON)
    negative = (outside * penalty).sum(dim=(1, 2)) / outside.sum(dim=(1, 2)).clamp(min=1)
    return (positive + negative).mean()
