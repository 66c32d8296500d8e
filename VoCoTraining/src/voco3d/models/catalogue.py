"""Models by name: the bundled ones and the user's own."""

import os
from importlib.resources import files
from pathlib import Path

from voco3d.errors import VoCoError
from voco3d.models.checkpoint import model_from_checkpoint
from voco3d.models.folder import is_model_folder, read_model
from voco3d.models.model import Model

DEFAULT = "headneck-oar"


def bundled_folder() -> Path:
    """Where the models that come with the package lie."""
    return Path(str(files("voco3d.models"))) / "bundled"


def user_folder() -> Path:
    """Where ``voco models add`` puts models: ``VOCO_MODELS``, or ``.voco3d/models`` at home."""
    return Path(os.environ.get("VOCO_MODELS") or Path.home() / ".voco3d" / "models")


def model_folders() -> dict[str, Path]:
    """All models by name, the bundled ones first."""
    return {
        folder.name: folder
        for place in (bundled_folder(), user_folder())
        if place.is_dir()
        for folder in sorted(place.iterdir())
        if is_model_folder(folder)
    }


def find_model(model: str | Path) -> Model:
    """Find a model by name, by its folder or by a checkpoint file.

    Raises:
        VoCoError: If there is no such model, or it cannot be read.
    """
    folders = model_folders()
    if str(model) in folders:
        return read_model(folders[str(model)])
    path = Path(model)
    if os.path.isdir(path):
        return read_model(path)
    if os.path.isfile(path):
        return model_from_checkpoint(path)
    raise VoCoError(
        f"There is no model {str(model)!r}: give a model folder, a checkpoint file or one of "
        f"{', '.join(folders) or 'none installed'}."
    )
