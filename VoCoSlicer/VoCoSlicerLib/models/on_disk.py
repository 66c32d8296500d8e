"""Model folders read from their description, at once and without the worker.

The list is there when the window opens, also before PyTorch is set up.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.models.entry import ModelEntry, Structure

METADATA = "configs/metadata.json"


def user_folder() -> Path:
    """Where added models lie: ``VOCO_MODELS``, or ``.voco3d/models`` at home."""
    return Path(os.environ.get("VOCO_MODELS") or Path.home() / ".voco3d" / "models")


def bundled_models(package: Path) -> list[ModelEntry]:
    """The models that come with ``voco3d``; ``package`` is the folder that holds it."""
    return _models_in(package / "voco3d" / "models" / "bundled")


def added_models() -> list[ModelEntry]:
    """The models that the user downloaded or imported."""
    return _models_in(user_folder())


def read_folder(folder: Path, key: str) -> ModelEntry:
    """Read the description of a model folder.

    Args:
        folder: the folder.
        key: what the entry is called for the worker.

    Raises:
        VoCoSlicerError: It is not a model folder, or its description cannot be read.
    """
    file = folder / METADATA
    if not file.is_file():
        raise VoCoSlicerError(
            _("The folder is not a model: it has no {file}.").format(file=METADATA)
        )
    try:
        return _entry(json.loads(file.read_text(encoding="utf-8")), key)
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise VoCoSlicerError(
            _("The model's description {file} cannot be read: choose another folder.").format(
                file=METADATA
            )
        ) from error


def _models_in(folder: Path) -> list[ModelEntry]:
    if not folder.is_dir():
        return []
    entries = []
    for model in sorted(folder.iterdir()):
        if not (model / METADATA).is_file():
            continue
        try:
            entries.append(read_folder(model, model.name))
        except VoCoSlicerError as error:
            entries.append(ModelEntry(model.name, model.name, "", fault=str(error)))
    return entries


def _entry(metadata: Mapping[str, Any], key: str) -> ModelEntry:
    voco = metadata["voco"]
    card = voco["card"]
    structures = tuple(
        Structure(entry["name"], (entry["color"][0], entry["color"][1], entry["color"][2]))
        for entry in voco["classes"]
    )
    fault = None
    if not structures:
        fault = _("It does not segment: fine-tune it under Training first.")
    return ModelEntry(
        key=key,
        name=str(metadata["name"]),
        task=card["task"],
        description=card.get("description", ""),
        data=card.get("data", ""),
        licence=card.get("licence", ""),
        results=_results(card.get("results", {})),
        structures=structures,
        channels=int(voco["network"]["in_channels"]),
        fault=fault,
        grid=_grid(voco.get("positions")),
        reference="positions" in voco,
    )


def _grid(positions: Mapping[str, Any] | None) -> tuple[int, int, int] | None:
    if positions is None:
        return None
    x, y, z = positions["grid"]["counts"]
    return int(x), int(y), int(z)


def _results(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The mean Dice of the first measurement that has one, in one line."""
    for what, figures in results.items():
        if "mean Dice" in figures:
            line = _("mean Dice {dice:.2f}, {what}").format(dice=figures["mean Dice"], what=what)
            if "cases" in figures:
                line += " " + _("({cases} cases)").format(cases=figures["cases"])
            return line
    return ""
