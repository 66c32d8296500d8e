"""The model folder (a MONAI bundle), checkpoints as models, and the catalogue."""

from voco3d.models.catalogue import DEFAULT, find_model, model_folders, user_folder
from voco3d.models.checkpoint import model_from_checkpoint
from voco3d.models.folder import read_model, write_model
from voco3d.models.model import Card, Model
from voco3d.models.positions import Positions
from voco3d.models.regions import Regions
from voco3d.models.structures import Code, Structure

__all__ = [
    "DEFAULT",
    "Card",
    "Code",
    "Model",
    "Positions",
    "Regions",
    "Structure",
    "find_model",
    "model_folders",
    "model_from_checkpoint",
    "read_model",
    "user_folder",
    "write_model",
]
