"""Volumes of scans that are distributed as folders of pictures, one a slice."""

import re
from functools import partial
from pathlib import Path

import SimpleITK as sitk

from voco3d.errors import VoCoError
from voco3d.presets.finding import Case, by_number
from voco3d.writing import write_aside, write_image

PICTURE = re.compile(r"[^.].*\.(?:png|jpe?g)", re.IGNORECASE)


def stack(case: Case, out: Path) -> Path:
    """Write the slices of a scan as one volume; one that is there already is left as it is.

    The pictures say neither how large a voxel is nor which end is the head: voxels are 1 mm, and
    the slices keep the order of their numbers. Rows run to the patient's back and columns to the
    left, as CT is shown.

    Args:
        case: A scan found in a layout of slices.
        out: Folder; the volume lies there as class/patient/scan.nii.gz.

    Raises:
        VoCoError: If a picture cannot be read, or they are of different sizes.
    """
    volume = out / f"{case.name}.nii.gz"
    if volume.exists():
        return volume
    (folder,) = case.images
    files = sorted(
        (file for file in folder.iterdir() if PICTURE.fullmatch(file.name)),
        key=lambda file: by_number(file.name),
    )
    try:
        slices = sitk.ReadImage([str(file) for file in files])
    except RuntimeError as error:
        raise VoCoError(
            f"The slices in {folder} cannot be read as one volume: a picture is damaged or of "
            "another size than the first; remove it or copy it again."
        ) from error
    if slices.GetNumberOfComponentsPerPixel() > 1:  # grey pictures stored in colours
        slices = sitk.VectorIndexSelectionCast(slices, 0)
    try:
        volume.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VoCoError(f"The folder {volume.parent} cannot be made: {error.strerror}.") from error
    write_aside(volume, partial(write_image, image=slices))
    return volume
