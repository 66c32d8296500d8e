"""What tells whether the embeddings locate crops, and whether they have collapsed."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from voco3d.losses import similarity


def top1(logits: Tensor, overlaps: Tensor) -> float:
    """The share of crops whose highest predicted overlap is that of the base they overlap most.

    Where a crop overlaps several bases most, each of them is right. Guessing gives 1 / n.

    Args:
        logits: Predicted overlaps l, ``(..., crop, base)``.
        overlaps: True overlaps y of the same shape.
    """
    chosen = overlaps.gather(-1, logits.argmax(-1, keepdim=True))
    return (chosen == overlaps.amax(-1, keepdim=True)).double().mean().item()


def overlap_error(logits: Tensor, overlaps: Tensor) -> float:
    """Mean absolute difference of predicted and true overlaps.

    The best constant prediction is 0, whose error is 1 / n.

    Args:
        logits: Predicted overlaps l, ``(..., crop, base)``.
        overlaps: True overlaps y of the same shape.
    """
    return (logits - overlaps).abs().double().mean().item()


def effective_rank(embeddings: Tensor) -> float:
    """How many directions the unit-length embeddings spread over: 1 if they all agree.

    Source: O. Roy and M. Vetterli, The effective rank, EUSIPCO 2007: the exponential of the
    entropy of the singular values, normalised to sum to 1.

    Args:
        embeddings: ``(crop, channel)``.

    Returns:
        From 1 up; NaN if an embedding is not finite.
    """
    unit = _unit_length(embeddings)
    if not unit.isfinite().all():
        return math.nan
    values = torch.linalg.svdvals(unit)
    shares = values / values.sum().clamp(min=torch.finfo(values.dtype).tiny)
    return torch.special.entr(shares).sum().exp().item()


def mean_deviation(embeddings: Tensor) -> float:
    """Standard deviation of the unit-length embeddings, a channel, averaged over channels.

    It is 0 if they all agree, and 1 / sqrt(channels) if they lie anywhere on the sphere.

    Args:
        embeddings: ``(crop, channel)``.
    """
    return _unit_length(embeddings).std(dim=0, correction=0).mean().item()


def mean_similarity(bases: Tensor) -> Tensor:
    """Cosine similarity of every pair of bases of a volume, averaged over volumes.

    Args:
        bases: Projected bases q, ``(volume, base, channel)``.

    Returns:
        ``(base, base)``, from -1 to 1.
    """
    return similarity(bases, bases).mean(dim=0)


def _unit_length(embeddings: Tensor) -> Tensor:
    return F.normalize(embeddings.detach().cpu().double(), dim=-1)
