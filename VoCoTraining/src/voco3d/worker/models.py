"""What a model is, for people who choose one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from voco3d.errors import VoCoError
from voco3d.models import Model, find_model, model_folders, read_model


def models() -> list[dict[str, Any]]:
    """All models that are installed, those that cannot be used among them."""
    return [_installed(name, folder) for name, folder in model_folders().items()]


def model(name: str) -> dict[str, Any]:
    """One model, after its weights were put into its network.

    Args:
        name: Name of an installed model, a model folder or a checkpoint file.

    Raises:
        VoCoError: If it cannot be used.
    """
    found = find_model(name)
    if found.segments or found.positions is None:
        found.load()
    else:
        found.load_positions()
    return described(found, str(model_folders().get(name, name)))


def described(model: Model, path: str) -> dict[str, Any]:
    """A model in plain values.

    Args:
        model: The model.
        path: By what it is found again.
    """
    return {
        "name": model.name,
        "path": path,
        "task": model.card.task,
        "description": model.card.description,
        "data": model.card.data,
        "licence": model.card.licence,
        "authors": model.card.authors,
        "results": results_line(model.card.results),
        "structures": [
            {"label": label, "name": structure.name, "color": list(structure.color)}
            for label, structure in enumerate(model.structures, start=1)
        ],
        "segments": model.segments,
        "positions": model.positions is not None,
        "reference": model.positions is not None,
        "grid": None if model.positions is None else list(model.positions.grid.counts),
        "channels": model.network.in_channels,
        "fault": _fault(model),
    }


def results_line(results: Mapping[str, Any]) -> str:
    """The first figure of a model's card, with what it was measured on; empty without one."""
    for where, figures in results.items():
        if not isinstance(figures, Mapping):
            continue
        numbers = {
            name: value
            for name, value in figures.items()
            if isinstance(value, int | float) and name != "cases"
        }
        name = "mean Dice" if "mean Dice" in numbers else next(iter(numbers), None)
        if name is not None:
            cases = f"{figures['cases']} " if "cases" in figures else ""
            return f"{name} {numbers[name]:.2f} ({cases}{where})"
    return ""


def _installed(name: str, folder: Path) -> dict[str, Any]:
    try:
        return described(read_model(folder), str(folder))
    except VoCoError as error:
        unknown = dict.fromkeys(
            ("task", "description", "data", "licence", "authors", "results"), ""
        )
        return {
            "name": name,
            "path": str(folder),
            **unknown,
            "structures": [],
            "segments": False,
            "positions": False,
            "reference": False,
            "grid": None,
            "channels": 1,
            "fault": str(error),
        }


def _fault(model: Model) -> str | None:
    if model.segments or model.positions is not None:
        return None
    if model.categories:
        return f"The model {model.name} classifies whole images: it has nothing to show here."
    return f"The model {model.name} is an encoder without a segmentation head: fine-tune it first."
