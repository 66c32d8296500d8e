"""A model from a bare checkpoint file, such as the authors' releases."""

import colorsys
from pathlib import Path

from voco3d.data import Preprocessing
from voco3d.models import vocomni
from voco3d.models.model import Card, Model
from voco3d.models.structures import TISSUE, Structure
from voco3d.networks import NetworkConfig
from voco3d.weights import has_head, infer_network, read_tensors

WINDOW = (96, 96, 96)


def model_from_checkpoint(
    path: Path,
    *,
    name: str | None = None,
    classes: list[str] | None = None,
    in_channels: int | None = None,
    preprocessing: Preprocessing = vocomni.PREPROCESSING,
) -> Model:
    """Describe the model in a checkpoint: network and class count are read from its shapes.

    A network with 21 outputs is taken for a VoComni release, unless ``classes`` says otherwise.
    A checkpoint without a segmentation head becomes a model without structures: an encoder.

    Args:
        path: The checkpoint file.
        name: The model's name; by default the file's.
        classes: Names of the classes besides background.
        in_channels: Input channels of the model, where they differ from the file's.
        preprocessing: What is done to an image first; by default VoCo's own.

    Raises:
        VoCoError: If the file is no checkpoint, its network is not known, or the names do not
            fit its class count.
    """
    checkpoint = read_tensors(path)
    head = has_head(checkpoint)
    network = infer_network(checkpoint, out_channels=None if head else 1)
    if in_channels is not None:
        network = NetworkConfig(network.name, in_channels, network.out_channels, network.args)
    structures = _structures(network.out_channels - 1, classes) if head else ()
    return Model(
        name=name or path.name.partition(".")[0],
        network=network,
        preprocessing=preprocessing,
        window=WINDOW,
        overlap=vocomni.OVERLAP,
        structures=structures,
        weights=path,
        card=_card(structures),
    )


def _structures(count: int, classes: list[str] | None) -> tuple[Structure, ...]:
    if classes is None and count == len(vocomni.STRUCTURES):
        return vocomni.STRUCTURES
    names = classes or [f"class {label}" for label in range(1, count + 1)]
    return tuple(Structure(name, _color(i), TISSUE, TISSUE) for i, name in enumerate(names))


def _color(index: int) -> tuple[int, int, int]:
    """Colours that stay apart: hues a golden ratio apart on the colour circle."""
    red, green, blue = colorsys.hsv_to_rgb(index * 0.618034 % 1, 0.6, 0.9)
    return (round(255 * red), round(255 * green), round(255 * blue))


def _card(structures: tuple[Structure, ...]) -> Card:
    if structures == vocomni.STRUCTURES:
        return vocomni.CARD
    if structures:
        return Card(task=f"Segments {len(structures)} classes; imported from a checkpoint file")
    return Card(task="Encoder for further training; imported from a checkpoint file")
