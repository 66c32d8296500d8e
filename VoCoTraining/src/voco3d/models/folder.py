"""A model as a folder: a MONAI bundle with the weights as safetensors."""

import json
import shutil
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from voco3d.data import Preprocessing
from voco3d.errors import VoCoError
from voco3d.models.bundle import inference, metadata
from voco3d.models.model import REFERENCE_BASES, Card, Model
from voco3d.models.positions import Positions
from voco3d.models.regions import Regions
from voco3d.models.structures import Structure
from voco3d.networks import Backbone, Classifier, NetworkConfig, PositionNetwork
from voco3d.networks.classifier import CLASSIFIER
from voco3d.weights import save_weights
from voco3d.weights.report import PROJECTOR
from voco3d.weights.saving import WEIGHTS
from voco3d.writing import write_json

METADATA = "configs/metadata.json"
FORMAT = 1


def is_model_folder(folder: Path) -> bool:
    """Whether a folder looks like a model."""
    return (folder / METADATA).is_file()


def read_model(folder: Path) -> Model:
    """Read a model folder; the weights stay on disk until ``Model.load``.

    Raises:
        VoCoError: If the folder is no model, was made for another version or is damaged.
    """
    file = folder / METADATA
    if not file.is_file():
        raise VoCoError(f"{folder} is not a model folder: it has no {METADATA}.")
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        ours = values["voco"]
        if ours["format"] != FORMAT:
            raise VoCoError(
                f"{folder} is a model of format {ours['format']}, but this version reads "
                f"{FORMAT}: update voco3d."
            )
        weights = folder / ours["weights"]
        x, y, z = (int(side) for side in ours["window"])
        model = Model(
            name=str(values["name"]),
            network=NetworkConfig.from_json(ours["network"]),
            preprocessing=Preprocessing.from_json(ours["preprocessing"]),
            window=(x, y, z),
            overlap=float(ours["overlap"]),
            structures=tuple(Structure.from_json(entry) for entry in ours["classes"]),
            weights=weights,
            card=Card(**ours["card"]),
            largest_component=bool(ours["largest_component"]),
            positions=Positions.from_json(ours["positions"]) if "positions" in ours else None,
            regions=Regions.from_json(ours["regions"]) if "regions" in ours else None,
            categories=tuple(map(str, ours.get("categories", ()))),
            channels=tuple(map(str, ours.get("channels", ()))),
            body_region=str(ours["body_region"]) if "body_region" in ours else None,
        )
    except (KeyError, TypeError, ValueError, UnicodeDecodeError) as error:
        raise VoCoError(
            f"{file} does not describe a model of this package ({type(error).__name__}: {error}): "
            "use a folder that `voco models add` or a training run made."
        ) from error
    if not weights.is_file():
        raise VoCoError(f"The model folder {folder} lacks its weights {ours['weights']}.")
    return model


def write_model(
    folder: Path,
    model: Model,
    network: Backbone | PositionNetwork | Classifier,
    dtype: torch.dtype = torch.float32,
    overwrite: bool = False,
    reference_bases: Tensor | None = None,
) -> None:
    """Write a model folder, beside its place first and then moved there.

    Args:
        folder: The folder to make.
        model: The description; its ``weights`` are not read.
        network: The network whose weights are stored: all of them, or the encoder's alone for
            a model that neither segments nor classifies. With a projector for a model that
            predicts positions, and a classifier for one that classifies.
        dtype: ``torch.float32``, or ``torch.float16`` for half the size.
        overwrite: Replace a model folder that is there.
        reference_bases: ``(n, width)``, for a model that predicts positions.

    Raises:
        ValueError: If the model predicts positions, but projector or reference bases are missing
            or of another shape; if it classifies, but the classifier is.
        VoCoError: If the folder exists and is not to be, or cannot be, replaced.
    """
    others = _for_positions(model.positions, network, reference_bases)
    others |= _for_categories(model.categories, network)
    backbone = network if isinstance(network, Backbone) else network.backbone
    whole = model.segments or bool(model.categories)
    if folder.exists() and not (overwrite and is_model_folder(folder)):
        raise VoCoError(f"{folder} exists already: choose another name or say --overwrite.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise VoCoError(f"The folder {folder} cannot be made: {error.strerror}.") from error
    old = part.with_name(f"{part.name}.old")
    try:
        for name in ("configs", "models", "docs"):
            (part / name).mkdir()
        save_weights(
            part / WEIGHTS,
            backbone,
            dtype,
            keep=lambda key: whole or backbone.is_encoder_key(key),
            others=others,
        )
        write_json(part / METADATA, metadata(model))
        if model.segments:
            write_json(part / "configs/inference.json", inference(model, backbone))
        (part / "docs/README.md").write_text(readme(model), encoding="utf-8")
        part.chmod(0o755)
        if folder.exists():
            folder.rename(old)
        part.rename(folder)
    except OSError as error:
        raise VoCoError(f"The folder {folder} cannot be written: {error.strerror}.") from error
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        for leftover in (part, old):
            shutil.rmtree(leftover, ignore_errors=True)


def readme(model: Model) -> str:
    """The model card as Markdown."""
    card = model.card
    lines = [
        f"# {model.name}",
        "",
        f"{card.task}.",
        "",
        card.description,
        "",
        f"- Trained on: {card.data}",
        f"- Licence: {card.licence}",
        f"- Authors: {card.authors}",
        "- Not a medical device, not for diagnosis or treatment.",
    ]
    if model.body_region is not None:
        lines += [f"- Region of the body: {model.body_region}"]
    if model.positions is not None:
        lines += [f"- Positions: {line}" for line in model.positions.lines()]
    if model.channels:
        lines += [f"- Channels: {', '.join(model.channels)}"]
    if model.categories:
        lines += [f"- Categories: {', '.join(model.categories)}"]
    if model.regions is not None:
        lines += [f"- Regions: {', '.join(_regions(model.structures, model.regions))}"]
    elif model.segments:
        names = ", ".join(s.name for s in model.structures)
        lines += [f"- Classes: {names}"]
    for title, figures in card.results.items():
        lines += ["", f"## {title}", ""]
        rows = figures.items() if isinstance(figures, dict) else [("value", figures)]
        lines += [f"- {key}: {value}" for key, value in rows]
    return "\n".join(lines) + "\n"


def _regions(structures: tuple[Structure, ...], regions: Regions) -> list[str]:
    """Each region with the labels that it consists of."""
    return [
        f"{structure.name} (label{'s' if len(labels) > 1 else ''} {' + '.join(map(str, labels))})"
        for structure, labels in zip(structures, regions.members, strict=True)
    ]


def _for_positions(
    positions: Positions | None,
    network: Backbone | PositionNetwork | Classifier,
    bases: Tensor | None,
) -> dict[str, Tensor]:
    """What the weights file holds besides the backbone."""
    if positions is None:
        return {}
    shape = (positions.grid.n, positions.width)
    if (
        not isinstance(network, PositionNetwork)
        or network.projector.width != positions.width
        or bases is None
        or bases.shape != shape
    ):
        raise ValueError(f"positions need a projector and reference bases of shape {shape}")
    return {**network.projector.state_dict(prefix=PROJECTOR), REFERENCE_BASES: bases}


def _for_categories(
    categories: tuple[str, ...], network: Backbone | PositionNetwork | Classifier
) -> dict[str, Tensor]:
    """What the weights file of a model that classifies holds besides the backbone."""
    if not categories:
        return {}
    if not isinstance(network, Classifier) or network.classifier.out_features != len(categories):
        raise ValueError(f"{len(categories)} categories need a classifier of so many outputs")
    layer: dict[str, Tensor] = network.classifier.state_dict(prefix=CLASSIFIER)
    return layer
