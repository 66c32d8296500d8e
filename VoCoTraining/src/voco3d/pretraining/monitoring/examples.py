"""Pictures of some of the probe's crops, kept so that the report needs no cache."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from voco3d.geometry import BaseGrid
from voco3d.pretraining.volume_crops import Sample

Floats = npt.NDArray[np.float32]

AIR = 0.15
"""A crop whose mean intensity, from 0 to 1, is below this is mostly air."""


@dataclass(frozen=True)
class Examples:
    """Pictures of some of the probe's crops, one of each volume.

    Attributes:
        grid: The base grid of the volumes.
        numbers: Which crop of each volume, ``(volume,)``.
        slices: The volumes' axial slices ``(volume, x, y)`` through the middle of the crops, 0 to
            255, RAS.
        crops: The crops' own middle axial slices ``(volume, x, y)``, alike.
        starts: The crops' first voxels ``(volume, 3)``.
        overlaps: Their true overlaps ``(volume, base)``.
    """

    grid: BaseGrid
    numbers: npt.NDArray[np.int64]
    slices: npt.NDArray[np.uint8]
    crops: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    overlaps: Floats


def make_examples(samples: Iterable[Sample], grid: BaseGrid) -> Examples:
    """Picture the first crop of every sample that is not mostly air.

    Args:
        samples: As ``VolumeCrops`` gives them, without augmentation.
        grid: Their base grid.
    """
    numbers, slices, crops, starts, overlaps = [], [], [], [], []
    middle = grid.crop[2] // 2
    for sample in samples:
        number = int((sample["crops"][:, 0].mean(dim=(1, 2, 3)) > AIR).int().argmax())
        shares = sample["overlaps"][number].numpy()
        start = crop_start(shares, grid)
        volume = assemble(sample["bases"][:, 0].numpy(), grid)
        numbers.append(number)
        slices.append(_to_bytes(volume[:, :, start[2] + middle]))
        crops.append(_to_bytes(sample["crops"][number, 0, :, :, middle].numpy()))
        starts.append(start)
        overlaps.append(shares)
    return Examples(
        grid,
        np.array(numbers),
        np.stack(slices),
        np.stack(crops),
        np.stack(starts),
        np.stack(overlaps),
    )


def write_examples(path: Path, examples: Examples) -> None:
    """Write examples as a file of plain arrays.

    Raises:
        OSError: If the file cannot be written.
    """
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            allow_pickle=False,
            counts=np.array(examples.grid.counts),
            crop=np.array(examples.grid.crop),
            numbers=examples.numbers,
            slices=examples.slices,
            crops=examples.crops,
            starts=examples.starts,
            overlaps=examples.overlaps,
        )


def read_examples(path: Path) -> Examples:
    """Read examples."""
    with np.load(path, allow_pickle=False) as file:
        x, y, z = (int(v) for v in file["counts"])
        width, depth, height = (int(v) for v in file["crop"])
        return Examples(
            BaseGrid((x, y, z), (width, depth, height)),
            file["numbers"],
            file["slices"],
            file["crops"],
            file["starts"],
            file["overlaps"],
        )


def crop_start(overlaps: npt.ArrayLike, grid: BaseGrid) -> npt.NDArray[np.int64]:
    """The first voxel ``(3,)`` of a crop inside the grid, from its overlaps ``(base,)``.

    Along each axis the crop begins where its bases begin on average, weighted by its overlaps.
    """
    return np.rint(np.asarray(overlaps, dtype=np.float64) @ grid.starts()).astype(np.int64)


def assemble(bases: Floats, grid: BaseGrid) -> Floats:
    """The volume ``(x, y, z)`` that bases ``(base, x, y, z)`` without augmentation cover."""
    parts = bases.reshape(*grid.counts, *grid.crop)
    return parts.transpose(0, 3, 1, 4, 2, 5).reshape(grid.size)


def _to_bytes(values: Floats) -> npt.NDArray[np.uint8]:
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
