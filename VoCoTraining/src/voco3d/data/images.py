"""Reading one image: a file of any 3-D format that SimpleITK knows, or a DICOM folder."""

import os
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from voco3d.data.nifti_length import check_nifti_length
from voco3d.errors import VoCoError

LayoutCheck = Callable[[int, tuple[int, ...], int, str], None]

SLICE_TOLERANCE = 0.02
"""Share of the slice distance by which a DICOM slice may lie off its place."""


def read_image(path: str | Path, series: str | None = None) -> sitk.Image:
    """Read a scalar 3-D image.

    Args:
        path: An image file, or a folder with a DICOM series.
        series: Series instance UID, needed where the folder holds several.

    Raises:
        VoCoError: The file is missing, unreadable, truncated, not scalar or not 3-D, or the
            folder holds no DICOM series, several, or one with missing slices.
    """
    path = Path(path)
    if not os.path.exists(path):
        raise VoCoError(
            f"{path} does not exist or is closed to you: give an image file or a folder with DICOM "
            "files."
        )
    image = _read_series(path, series) if path.is_dir() else _read_file(path, series)
    check_image(image, str(path))
    return image


def series_in(folder: str | Path) -> tuple[str, ...]:
    """The series instance UIDs of the DICOM files in a folder."""
    return tuple(sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder)))


def series_files(folder: str | Path, series: str) -> tuple[str, ...]:
    """The files of one DICOM series, sorted by slice position."""
    return tuple(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series))


def choose_series(folder: str | Path, series: str | None) -> str:
    """The UID of the folder's only series, or of the one asked for.

    Raises:
        VoCoError: No series, several and none chosen, or the chosen one is not there.
    """
    found = series_in(folder)
    if not found:
        raise VoCoError(f"{folder} holds no DICOM series: give a folder with DICOM files.")
    listed = ", ".join(f"{uid} ({len(series_files(folder, uid))} files)" for uid in found)
    if series is not None and series not in found:
        raise VoCoError(f"{folder} holds no series {series}: choose one of {listed}.")
    if series is None and len(found) > 1:
        raise VoCoError(f"{folder} holds several DICOM series: choose with --series: {listed}.")
    return series or found[0]


def check_image(image: sitk.Image, name: str = "The image") -> None:
    """Refuse an image that cannot be segmented.

    Raises:
        VoCoError: Not 3-D, not scalar, a single slice, NaN or infinite, or constant.
    """
    _check_layout(
        image.GetDimension(), image.GetSize(), image.GetNumberOfComponentsPerPixel(), name
    )
    if "complex" in image.GetPixelIDTypeAsString():
        raise VoCoError(f"{name} holds complex numbers: give a CT in Hounsfield units.")
    voxels = sitk.GetArrayViewFromImage(image)
    low, high = voxels.min(), voxels.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise VoCoError(
            f"{name} holds NaN or infinite values: repair or export it again before segmenting."
        )
    if low == high:
        raise VoCoError(f"{name} has the same value {low} everywhere: it holds no picture.")


def _check_layout(dimension: int, size: tuple[int, ...], components: int, name: str) -> None:
    if components != 1:
        raise VoCoError(
            f"{name} has {components} components a voxel (RGB or a vector): give a scalar image."
        )
    if dimension > 3:
        raise VoCoError(
            f"{name} is {dimension}-D ({' x '.join(map(str, size))}): extract one 3-D volume first."
        )
    if dimension < 3 or min(size) < 2:
        raise VoCoError(f"{name} is a single slice or 2-D: give a 3-D volume.")


def _read_file(path: Path, series: str | None) -> sitk.Image:
    if series is not None:
        raise VoCoError(f"--series needs a folder, but {path} is a file.")
    return read_whole(path, _check_layout)


def read_whole(path: Path, check_layout: LayoutCheck) -> sitk.Image:
    """Read an image file to its end.

    Args:
        path: A file of any format that SimpleITK knows.
        check_layout: Is asked, before the voxels are read, to refuse a dimension, size, number of
            components a voxel, and file name.

    Raises:
        VoCoError: If the file cannot be opened, is no image, is refused or is truncated.
    """
    try:
        path.open("rb").close()
    except OSError as error:
        raise VoCoError(f"{path} cannot be opened: {error.strerror}.") from error
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise VoCoError(
            f"{path} is not an image that can be read: it is empty, damaged or of another format."
        ) from error
    check_layout(reader.GetDimension(), reader.GetSize(), reader.GetNumberOfComponents(), str(path))
    try:
        if reader.HasMetaDataKey("vox_offset"):
            check_nifti_length(path, reader)
        return reader.Execute()
    except (RuntimeError, EOFError, OSError, zlib.error) as error:
        raise VoCoError(
            f"{path} cannot be read to its end: it is truncated or damaged; copy it again."
        ) from error


def _read_series(folder: Path, series: str | None) -> sitk.Image:
    files = series_files(folder, choose_series(folder, series))
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(files)
    reader.MetaDataDictionaryArrayUpdateOn()
    reader.LoadPrivateTagsOff()
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise VoCoError(
            f"The DICOM series in {folder} cannot be read: its files are damaged or do not fit "
            "together; export it again."
        ) from error
    _check_slice_positions(reader, len(files), folder)
    return image


def _check_slice_positions(reader: sitk.ImageSeriesReader, count: int, folder: Path) -> None:
    """Refuse a stack with gaps or a tilted gantry: an image grid cannot describe it."""
    place, orientation = "0020|0032", "0020|0037"
    stated = ((i, key) for i in range(count) for key in (place, orientation))
    if not all(reader.HasMetaDataKey(i, k) and reader.GetMetaData(i, k).strip() for i, k in stated):
        raise VoCoError(
            f"The slices of the series in {folder} do not say where they lie (image position and "
            "orientation): export the series again, with its geometry."
        )
    if count < 2:
        return
    positions = np.array([_numbers(reader.GetMetaData(i, place)) for i in range(count)])
    steps = np.diff(positions, axis=0)
    axes = _numbers(reader.GetMetaData(0, orientation))
    normal = np.cross(axes[:3], axes[3:])
    step = np.median(np.abs(steps @ normal))
    ideal = np.sign(steps[0] @ normal) * step * normal
    if np.abs(steps - ideal).max() > SLICE_TOLERANCE * step:
        raise VoCoError(
            f"The slices of the series in {folder} are not evenly spaced along their normal "
            "(missing slices or a tilted gantry): resample it to a regular volume first."
        )


def _numbers(text: str) -> list[float]:
    return [float(value) for value in text.split("\\")]
