"""What VoCo minimises: position prediction and regularisation, combined by recipes."""

from voco3d.losses.contrast import position_logits, similarity
from voco3d.losses.objective import Embeddings, Loss, objective
from voco3d.losses.prediction import entropy_loss, split_loss
from voco3d.losses.recipes import RECIPES, Recipe, find_recipe
from voco3d.losses.regularisation import absolute_similarity, squared_similarity

__all__ = [
    "RECIPES",
    "Embeddings",
    "Loss",
    "Recipe",
    "absolute_similarity",
    "entropy_loss",
    "find_recipe",
    "objective",
    "position_logits",
    "similarity",
    "split_loss",
    "squared_similarity",
]
