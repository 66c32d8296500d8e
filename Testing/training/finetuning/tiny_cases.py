"""A data set of small labelled bodies without symmetry, which takes milliseconds to make."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

LABELS = {"0": "background", "1": "right gland", "2": "left gland", "3": "cord"}

PLACES = ((0.6, 0.1, 0.1, 150.0), (-0.5, 0.2, -0.1, 200.0), (0.1, -0.6, 0.0, -60.0))
"""Where each structure lies in the body, R, A, S from -1 to 1, and its intensity in HU."""


def write_cases(
    folder: Path,
    training: int = 3,
    validation: int = 1,
    test: int = 0,
    size: tuple[int, int, int] = (24, 20, 16),
    spacing: tuple[float, float, float] = (2.0, 2.0, 2.5),
    labels: Mapping[str, object] = LABELS,
    channels: int = 1,
    categories: Sequence[str] = (),
) -> Path:
    """Write images, label maps and ``dataset.json``; return its path.

    Args:
        folder: For all of it.
        training: Cases for training; so for validation and test.
        size: Voxels along x, y, z.
        spacing: In mm along x, y, z.
        labels: The list's ``labels``; up to three values above 0, in Decathlon or nnU-Net manner.
        channels: Images of a case; each but the first is the first in other units.
        categories: Names of classes: then cases have these in turn, and no label maps. Bodies of
            later classes are denser.
    """
    numbers = iter(range(training + validation + test))
    parts = {"training": training, "validation": validation, "test": test}
    values = sorted(_values(labels) - {0})
    folder.mkdir(parents=True, exist_ok=True)
    content: dict[str, object] = {"categories": categories} if categories else {"labels": labels}
    for part, count in parts.items():
        content[part] = [
            _write_case(folder, next(numbers), size, spacing, values, channels, categories)
            for _ in range(count)
        ]
    path = folder / "dataset.json"
    path.write_text(json.dumps(content))
    return path


def body(
    number: int, size: tuple[int, int, int], spacing: tuple[float, float, float]
) -> tuple[sitk.Image, sitk.Image]:
    """CT and label map (1 to 3) of one body: RAS axes, no symmetry, each number another body."""
    random = np.random.default_rng(number)
    axes = [np.linspace(-1.2, 1.2, n) for n in size]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    inside = (points**2).sum(-1) < 1
    hu = np.where(inside, 40.0, -1000.0)
    label = np.zeros(size, np.uint8)
    for value, (*place, intensity) in enumerate(PLACES, start=1):
        radius = random.uniform(0.24, 0.32)
        own = ((points - place - random.uniform(-0.08, 0.08, 3)) ** 2).sum(-1) < radius**2
        hu[own], label[own] = intensity, value
    hu += random.normal(0, 8, size)
    return _image(hu.astype(np.int16), spacing), _image(label, spacing)


def _write_case(
    folder: Path,
    number: int,
    size: tuple[int, int, int],
    spacing: tuple[float, float, float],
    values: Sequence[int],
    channels: int,
    categories: Sequence[str],
) -> dict[str, object]:
    image, label = body(number, size, spacing)
    images = [f"case{number}_{channel:04}.nii.gz" for channel in range(channels)]
    category = number % len(categories) if categories else 0
    image += 60 * category
    for channel, name in enumerate(images):
        sitk.WriteImage((image + 1000 * (channel > 0)) * (channel + 1), str(folder / name))
    entry: dict[str, object] = {
        "image": images[0] if channels == 1 else images,
        "patient": f"patient {number}",
    }
    if categories:
        return {**entry, "class": categories[category]}
    table = dict(enumerate(values, start=1))
    sitk.WriteImage(
        sitk.ChangeLabel(
            sitk.Cast(label, sitk.sitkUInt16), {k: table.get(k, 0) for k in (1, 2, 3)}
        ),
        str(folder / f"case{number}_label.nii.gz"),
    )
    return {**entry, "label": f"case{number}_label.nii.gz"}


def _image(array: np.ndarray, spacing: tuple[float, float, float]) -> sitk.Image:
    image = sitk.GetImageFromArray(array.transpose(2, 1, 0))
    image.SetSpacing(spacing)
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    image.SetOrigin((20.0, 30.0, -40.0))
    return image


def _values(labels: Mapping[str, object]) -> set[int]:
    """All label values that the list names."""
    values: set[int] = set()
    for key, value in labels.items():
        if key.isdigit():
            values.add(int(key))
        else:
            values |= set(value if isinstance(value, list) else [value])
    return values
