"""The loss of a recipe for a batch of embedded volumes."""

from typing import NamedTuple

import torch
from torch import Tensor

from voco3d.losses.contrast import position_logits
from voco3d.losses.prediction import entropy_loss, split_loss
from voco3d.losses.recipes import Recipe
from voco3d.losses.regularisation import absolute_similarity, squared_similarity


class Embeddings(NamedTuple):
    """What a network says of a batch of volumes.

    Attributes:
        crops: Projected random crops p, ``(volume, crop, channel)``.
        bases: Projected bases q, ``(volume, base, channel)``.
    """

    crops: Tensor
    bases: Tensor


class Loss(NamedTuple):
    """The terms of the loss, each a scalar, and the logits they were made of.

    Attributes:
        prediction: L_pred, Equation 3 or the authors' variant.
        regularisation: L_reg, Equation 5 or the authors' variant.
        inter_volume: The inter-volume term; 0 where the recipe has none.
        logits: Predicted overlaps l, ``(volume, crop, base)``.
    """

    prediction: Tensor
    regularisation: Tensor
    inter_volume: Tensor
    logits: Tensor


def objective(
    recipe: Recipe, student: Embeddings, teacher: Embeddings | None, overlaps: Tensor
) -> Loss:
    """Return the terms of a recipe's loss; Equation 7 is their weighted sum.

    Nothing is sent into the teacher. Without a teacher, L_pred sends nothing into the bases
    ("we stop the gradients of q when computing Eq. 1").

    Args:
        recipe: Which parts, and how they are combined.
        student: Embeddings with gradients.
        teacher: Embeddings of the moving average, for a recipe that has one.
        overlaps: True overlaps y, ``(volume, crop, base)``.

    Raises:
        ValueError: If the recipe has a teacher and none is given, or the reverse.
    """
    if (teacher is None) != (recipe.teacher == "none"):
        raise ValueError(f"the recipe {recipe.name} has the teacher {recipe.teacher!r}")
    fixed = Embeddings(*(part.detach() for part in (teacher or student)))
    logits = position_logits(student.crops, fixed.bases)
    if recipe.both_ways:
        logits = (logits + position_logits(fixed.crops, student.bases)) / 2
    regularise = {"absolute": absolute_similarity, "squared": squared_similarity}
    return Loss(
        _predict(recipe, logits, overlaps),
        regularise[recipe.regularisation](student.bases),
        _inter_volume(recipe, student, fixed),
        logits,
    )


def _predict(recipe: Recipe, logits: Tensor, overlaps: Tensor) -> Tensor:
    if recipe.prediction == "entropy":
        return entropy_loss(logits, overlaps)
    return split_loss(logits, overlaps, "square" if recipe.prediction == "split-square" else "log")


def _inter_volume(recipe: Recipe, student: Embeddings, teacher: Embeddings) -> Tensor:
    """Crops of volume i against the bases of volume i + 1; the last one's next is the first."""
    if not recipe.inter_volume or len(student.crops) < 2:
        return student.crops.new_zeros(())
    target = position_logits(teacher.crops, torch.roll(teacher.bases, -1, dims=0))
    logits = position_logits(student.crops, torch.roll(student.bases, -1, dims=0))
    return _predict(recipe, logits, target)
