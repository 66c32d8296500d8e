"""Cosine similarity between embeddings, and the position logits made of it."""

import torch.nn.functional as F
from torch import Tensor


def similarity(first: Tensor, second: Tensor) -> Tensor:
    """Cosine of the angle between every pair of embeddings.

    Source: Equations 1 and 4.

    Args:
        first: ``(volume, i, channel)``.
        second: ``(volume, j, channel)``.

    Returns:
        ``(volume, i, j)``, from -1 to 1.
    """
    return F.normalize(first, dim=-1) @ F.normalize(second, dim=-1).transpose(-1, -2)


def position_logits(crops: Tensor, bases: Tensor) -> Tensor:
    """The predicted overlaps l of random crops with bases, before any stop-gradient.

    Equation 1 says that l lies in 0..1, which a cosine does not: negative values become 0, as in
    the authors' code. Rounding can take a cosine above 1, which the logarithms do not bear.

    Args:
        crops: Projected random crops p, ``(volume, crop, channel)``.
        bases: Projected bases q, ``(volume, base, channel)``.

    Returns:
        ``(volume, crop, base)``, from 0 to 1.
    """
    return similarity(crops, bases).relu().clamp(max=1)
