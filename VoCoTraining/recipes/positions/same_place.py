"""How far `voco find` and two baselines are from an organ in another patient.

    python VoCoTraining/recipes/positions/same_place.py openkbp/dataset.json

The distances are those to the centre of the organ, by the point at its centre in the source, and to
the centre of the box around the organ, by that box in the source.
"""

import argparse
import json
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

from voco3d.data import read_image
from voco3d.positions import PlaceFinder, Positioner

CORE = slice(8, 24)
"""Voxels of a crop of 32 that the intensity baseline compares."""
SOFTNESS = 0.05
"""Of the intensity baseline: the best of 0 to 0.2 on training CTs."""


@dataclass(frozen=True)
class Organ:
    """Where an organ lies, RAS mm: its centre ``(3,)`` and the corners of its box ``(8, 3)``."""

    centre: np.ndarray
    box: np.ndarray


def organs_of(path: Path) -> dict[int, Organ]:
    """The organs of a label map, by label."""
    image = sitk.ReadImage(str(path))
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.Execute(sitk.Cast(image, sitk.sitkUInt8))
    to_ras = (-1, -1, 1)
    organs = {}
    for label in statistics.GetLabels():
        first, size = np.split(np.array(statistics.GetBoundingBox(label)), 2)
        ends = zip(first - 0.5, first + size - 0.5, strict=True)
        corners = [image.TransformContinuousIndexToPhysicalPoint(c) for c in product(*ends)]
        organs[label] = Organ(
            np.array(statistics.GetCentroid(label)) * to_ras, np.array(corners) * to_ras
        )
    return organs


def patches(volume, starts):
    """Voxels in the middle of crops, as unit vectors around their mean."""
    crops = [volume.array[0, x:, y:, z:][CORE, CORE, CORE].ravel() for x, y, z in starts]
    values = np.stack(crops) - np.mean(crops, axis=1, keepdims=True)
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-9)


def by_intensity(finder: PlaceFinder, place: np.ndarray) -> np.ndarray:
    """The same search with the cross-correlation of intensities instead of embeddings."""
    start = finder.source.starts_at(place[None])
    wanted = patches(finder.source, start)[0]
    coarse = finder._coarse
    fine = finder.around(coarse[(patches(finder.target, coarse) @ wanted).argmax()])
    alike = patches(finder.target, fine) @ wanted
    weights = np.exp((alike - alike.max()) / SOFTNESS)
    reached = weights @ fine / weights.sum() + finder.source.frame.to_voxels(place) - start[0]
    return finder.target.frame.to_ras(np.clip(reached, 0, finder.grid.size))


def distances(finder: PlaceFinder, here: Organ, there: Organ) -> list[float]:
    """In mm: by embedding, share of the body and intensity; then for the box: the first two."""
    (found,) = finder.find([here.centre])
    (box,) = finder.find_boxes([here.box])
    middle = there.box.mean(axis=0)
    ways = [
        (found.place, there.centre),
        (found.relative, there.centre),
        (by_intensity(finder, here.centre), there.centre),
        (box.place, middle),
        (box.relative, middle),
    ]
    return [float(np.linalg.norm(np.subtract(place, right))) for place, right in ways]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="headneck-voco")
    parser.add_argument("--split", default="validation", help="list of DATA")
    parser.add_argument("--cases", type=int, help="so many, the first ones; all by default")
    options = parser.parse_args()
    torch.set_num_threads(1)
    positioner = Positioner(options.model, "cpu")
    cases = json.loads(options.data.read_text())[options.split][: options.cases]
    read = [
        (read_image(options.data.parent / c["image"]), organs_of(options.data.parent / c["label"]))
        for c in cases
    ]
    rows = []
    for (source, here), (target, there) in zip(read, read[1:] + read[:1], strict=True):
        finder = PlaceFinder(positioner, source, target)
        for label in sorted(here.keys() & there.keys()):
            rows.append((label, *distances(finder, here[label], there[label])))
        table = np.array(rows)
        print(len(rows), np.median(table[:, 1:], 0).round(1), flush=True)
    print("median: found, relative, intensity; box: found, relative")
    for label in np.unique(table[:, 0]):
        print(int(label), np.median(table[table[:, 0] == label, 1:], 0).round(1))


if __name__ == "__main__":
    main()
