"""The named configurations of the shared parts."""

from dataclasses import dataclass
from typing import Literal

from voco3d.errors import VoCoError


@dataclass(frozen=True)
class Recipe:
    """How the parts are combined.

    Attributes:
        name: What it is chosen by.
        teacher: An exponential moving average of the student: of nothing, of the whole network,
            or of the projector on the student's own features.
        both_ways: Predict from student crops against teacher bases and from teacher crops against
            student bases, and take the mean. Otherwise from student crops alone.
        prediction: Equation 3 ("entropy"), or the authors' split into bases with and without
            overlap, where the latter cost l^2 ("split-square") or a logarithm ("split-log").
        regularisation: Equation 5 ("absolute"), or the authors' ReLU(s)^2 ("squared").
        inter_volume: Add the same prediction against the bases of the next volume of the batch,
            where the teacher's prediction stands in for the unknown overlaps.
        width: Channels C of the projection.
    """

    name: str
    teacher: Literal["none", "network", "projector"]
    both_ways: bool
    prediction: Literal["entropy", "split-square", "split-log"]
    regularisation: Literal["absolute", "squared"]
    inter_volume: bool
    width: int


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("paper", "none", False, "entropy", "absolute", False, 2048),
        Recipe("cvpr-code", "network", True, "split-square", "squared", False, 2048),
        Recipe("tpami", "projector", False, "split-log", "squared", True, 1024),
    )
}
"""The paper's recipe, and those of the authors' code of 2024 and 2025, by name."""


def find_recipe(name: str) -> Recipe:
    """Return a recipe by name.

    Raises:
        VoCoError: If there is none of this name.
    """
    if name not in RECIPES:
        raise VoCoError(f"There is no recipe {name!r}: choose one of {', '.join(RECIPES)}.")
    return RECIPES[name]
