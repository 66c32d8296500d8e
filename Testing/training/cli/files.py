"""Files that the tests of the command line make and read."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk


def voxels(file: Path) -> np.ndarray:
    """The voxels of an image file, ``(z, y, x)``."""
    return sitk.GetArrayFromImage(sitk.ReadImage(str(file)))


def folder_with_notes(folder: Path) -> Path:
    """A folder with a file, but no image."""
    folder.mkdir()
    (folder / "notes.txt").write_text("no image in here")
    return folder
