"""How alike the bases of a volume are: VoCo drives them apart."""

import torch
from torch import Tensor

from voco3d.losses.contrast import similarity


def absolute_similarity(bases: Tensor) -> Tensor:
    """L_reg of the paper: mean of abs(s_ij) over the pairs i != j.

    Source: Equations 4 and 5.

    Args:
        bases: Projected bases q, ``(volume, base, channel)``.

    Returns:
        The mean over pairs and volumes, a scalar; 0 for a single base.
    """
    return _over_pairs(similarity(bases, bases).abs())


def squared_similarity(bases: Tensor) -> Tensor:
    """L_reg of the authors' code: mean of ReLU(s_ij)^2 over the pairs i < j.

    The second base of a pair is detached, so a base is pushed away from those after it only.

    Args:
        bases: Projected bases q, ``(volume, base, channel)``.

    Returns:
        The mean over pairs and volumes, a scalar; 0 for a single base.
    """
    return _over_pairs(similarity(bases, bases.detach()).relu().square())


def _over_pairs(values: Tensor) -> Tensor:
    """Mean of ``(volume, i, j)`` over i < j and volumes."""
    n = values.shape[-1]
    if n < 2:
        return values.new_zeros(())
    first, second = torch.triu_indices(n, n, offset=1, device=values.device)
    return values[:, first, second].mean()
