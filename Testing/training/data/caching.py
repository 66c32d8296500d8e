"""Small data sets to cache."""

import os
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from voco3d.data import VolumeSettings

SETTINGS = VolumeSettings(size=(12, 14, 10))


def write_ct(path: Path, seed: int) -> None:
    """A box of soft tissue in air, of another content for each seed."""
    random = np.random.default_rng(seed)
    voxels = np.full((16, 20, 18), -1000, np.int16)
    voxels[3:14, 4:17, 2:15] = random.integers(0, 200, (11, 13, 13))
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((2.0, 2.0, 3.0))
    image.SetOrigin((-20.0, 5.0, float(seed)))
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path))
    # Files that are written one right after the other can have the same time.
    os.utime(path, (seed, seed))


def write_cts(folder: Path, count: int) -> Path:
    """A folder of ``count`` images, 00.mha and so on."""
    for number in range(count):
        write_ct(folder / f"{number:02d}.mha", number)
    return folder
