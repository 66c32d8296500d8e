"""How far `voco find` and two baselines are from an organ's centre in another patient.

python VoCoTraining/recipes/positions/same_place.py openkbp/dataset.json
"""

import argparse
import json
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


def centres(path: Path) -> dict[int, np.ndarray]:
    """The centre of each organ in RAS mm, by label."""
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.Execute(sitk.Cast(sitk.ReadImage(str(path)), sitk.sitkUInt8))
    labels = statistics.GetLabels()
    return {label: np.array(statistics.GetCentroid(label)) * (-1, -1, 1) for label in labels}


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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="headneck-voco")
    options = parser.parse_args()
    torch.set_num_threads(1)
    positioner = Positioner(options.model, "cpu")
    cases = json.loads(options.data.read_text())["validation"]
    read = [
        (read_image(options.data.parent / c["image"]), centres(options.data.parent / c["label"]))
        for c in cases
    ]
    rows = []
    for (source, here), (target, there) in zip(read, read[1:] + read[:1], strict=True):
        finder = PlaceFinder(positioner, source, target)
        organs = sorted(here.keys() & there.keys())
        for organ, found in zip(organs, finder.find([here[o] for o in organs]), strict=True):
            ways = (found.place, found.relative, by_intensity(finder, here[organ]))
            rows.append((organ, *(np.linalg.norm(np.array(way) - there[organ]) for way in ways)))
        table = np.array(rows)
        print(len(rows), "median found, relative, intensity", np.median(table[:, 1:], 0).round(1))
    for organ in np.unique(table[:, 0]):
        print(int(organ), np.median(table[table[:, 0] == organ, 1:], 0).round(1))


if __name__ == "__main__":
    main()
