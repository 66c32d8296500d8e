"""Labelled cases, read and checked once, so that a crop is read from disk in milliseconds.

What is stored is the image as scanned, in RAS axes and with intensities as the network sees them,
but on its own grid: a crop is then interpolated once, whatever its augmentation.
"""

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from voco3d.data import Preprocessing, read_image
from voco3d.data.cache.sources import sha256
from voco3d.data.cache.storage import Window, read_voxels, write_voxels
from voco3d.data.grids import on_one_grid
from voco3d.data.preprocessing import array_to_image, image_to_array, to_z_score
from voco3d.errors import VoCoError
from voco3d.finetuning.data_list import PARTS, Case, DataList, Part
from voco3d.metrics.label_maps import LabelMap, check_same_grid, read_label_map
from voco3d.progress import Progress, silent

PLACES = 1000
"""Voxels of each label that are remembered, to lay crops on."""

FORMAT = 1

IMAGE, LABELS, PLACED, ABOUT = "image.b2nd", "labels.b2nd", "places.npz", "case.json"
"""The files of a prepared case."""

LARGEST = 6e4
"""Intensities are stored in 16 bits, which hold no more; nothing in a body comes near it."""


@dataclass(frozen=True)
class PreparedCase:
    """A case on disk.

    Attributes:
        case: What it was made of.
        folder: Where it lies.
        spacing: Voxel size in mm along x, y, z, RAS.
        shape: Voxels along x, y, z.
        sha256: Hashes of its images.
        places: For each label of the data list, ``(voxel, 3)``: some of its voxels.
    """

    case: Case
    folder: Path
    spacing: tuple[float, float, float]
    shape: tuple[int, int, int]
    sha256: tuple[str, ...]
    places: tuple[npt.NDArray[np.int32], ...]

    def image(self, box: Window) -> npt.NDArray[np.float32]:
        """Intensities ``(channel, x, y, z)`` in a box of voxels; the network's 0..1, unclipped."""
        return read_voxels(self.folder / IMAGE, box).astype(np.float32)

    def labels(self, box: Window) -> npt.NDArray[np.uint8]:
        """Labels ``(x, y, z)`` in a box of voxels: 0, or 1 + index among the list's values."""
        return read_voxels(self.folder / LABELS, box)[0].astype(np.uint8)


def prepare(
    data: DataList,
    preprocessing: Preprocessing,
    store: Path,
    workers: int = 1,
    progress: Progress = silent,
) -> dict[Part, tuple[PreparedCase, ...]]:
    """Prepare all cases that are not in the store yet, and check them.

    Args:
        data: Which cases.
        preprocessing: Whose intensities are stored; spacing is not applied.
        store: Folder, which runs with other options may share.
        workers: Cases at a time.
        progress: Told after every case.

    Raises:
        VoCoError: If an image or label map cannot be read, they lie on different grids (also the
            channels of a case), the store cannot be written or is damaged, a label
            has an undeclared value, no training case has a structure, or an image is in two
            parts under different names.
    """
    cases = [(part, case) for part in PARTS for case in data.cases[part]]
    prepared: dict[Part, tuple[PreparedCase, ...]] = dict.fromkeys(PARTS, ())
    with ThreadPoolExecutor(max(1, workers)) as pool:
        made = pool.map(lambda entry: _prepare(entry[1], data, preprocessing, store), cases)
        try:
            for done, ((part, _), case) in enumerate(zip(cases, made, strict=True), start=1):
                prepared[part] += (case,)
                progress(done, len(cases), "preparing cases")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    _check_hashes(data, prepared)
    _check_structures(data, prepared["training"])
    return prepared


def _prepare(case: Case, data: DataList, preprocessing: Preprocessing, store: Path) -> PreparedCase:
    hashes = tuple(map(_hash, case.images))
    content = [
        FORMAT,
        hashes,
        case.label and _hash(case.label),
        preprocessing.intensity,
        data.values,
        sorted(case.known),
    ]
    folder = store / hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]
    if not _is_whole(folder):
        _write(folder, case, data, preprocessing)
    return _read(folder, case, hashes, len(data.values))


def _is_whole(folder: Path) -> bool:
    return all((folder / file).is_file() for file in (IMAGE, LABELS, PLACED, ABOUT))


def _read(folder: Path, case: Case, hashes: tuple[str, ...], labels: int) -> PreparedCase:
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        with np.load(folder / PLACED, allow_pickle=False) as file:
            places = tuple(file[str(index)] for index in range(labels))
        spacing, shape = tuple(about["spacing"]), tuple(about["shape"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise VoCoError(
            f"The prepared case {folder} is damaged: delete it and begin again."
        ) from error
    return PreparedCase(case, folder, spacing, shape, hashes, places)


def _hash(path: Path) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise VoCoError(f"{path} cannot be read: {error.strerror}; mend the data list.") from error


def _write(folder: Path, case: Case, data: DataList, preprocessing: Preprocessing) -> None:
    first = read_image(case.images[0])
    labels = _labels(case, first, data)
    oriented = sitk.DICOMOrient(first, "RAS")
    del first
    image = _image(case, oriented, preprocessing)
    part = folder.with_name(f".{folder.name}-{uuid4().hex}")
    try:
        part.mkdir(parents=True)
        write_voxels(part / IMAGE, image)
        write_voxels(part / LABELS, labels[None])
        np.savez(part / PLACED, allow_pickle=False, **_places(labels, len(data.values)))
        about = {"spacing": oriented.GetSpacing(), "shape": labels.shape}
        (part / ABOUT).write_text(json.dumps(about), encoding="utf-8")
        if not _is_whole(folder):  # it is not there, or files were deleted from it
            shutil.rmtree(folder, ignore_errors=True)
        os.replace(part, folder)
    except OSError as error:
        if not _is_whole(folder):  # else another process was faster
            raise VoCoError(
                f"The prepared case {folder} cannot be written: {error.strerror}; free some space "
                "or choose another store."
            ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _image(case: Case, first: sitk.Image, preprocessing: Preprocessing) -> npt.NDArray[np.float16]:
    """What the network sees, but not yet clipped: (channel, x, y, z), RAS axes of ``first``."""
    array = np.empty((len(case.images), *first.GetSize()), np.float16)
    for channel, path in zip(array, case.images, strict=True):
        image = first if path == case.images[0] else sitk.DICOMOrient(read_image(path), "RAS")
        if not on_one_grid(first, image):
            raise VoCoError(
                f"{path} lies on another grid than {case.images[0]}: resample it onto that grid."
            )
        values = image_to_array(image)
        if preprocessing.intensity is None:
            to_z_score(values)
        else:
            low, high = preprocessing.intensity
            values -= low
            values /= high - low
        channel[...] = np.clip(values, -LARGEST, LARGEST, out=values)
    return array


def _labels(case: Case, image: sitk.Image, data: DataList) -> npt.NDArray[np.uint8]:
    """Labels (x, y, z) in RAS axes: 0, or 1 + index among the declared values."""
    if case.label is None:
        return np.zeros(sitk.DICOMOrient(image, "RAS").GetSize(), np.uint8)
    label_map = read_label_map(case.label)
    check_same_grid(label_map, LabelMap(case.images[0], image, label_map.array, {}))
    found = np.unique(label_map.array)
    unknown = sorted(set(found.tolist()) - {0, *data.values})
    if unknown:
        raise VoCoError(
            f"{case.label} holds the label {unknown[0]}, which {data.path} does not name: name it "
            "or remove it."
        )
    table = np.zeros(int(found.max()) + 1, np.uint8)
    for index, value in enumerate(data.values, start=1):
        if value < len(table):
            table[value] = index
    slices = label_map.array.T
    indices = np.empty(slices.shape, np.uint8)
    for index_slice, own in zip(indices, slices, strict=True):
        index_slice[...] = table[own]
    oriented = sitk.DICOMOrient(array_to_image(indices.T, image), "RAS")
    array = sitk.GetArrayViewFromImage(oriented).transpose(2, 1, 0)
    return np.ascontiguousarray(array)


def _places(labels: npt.NDArray[np.uint8], count: int) -> dict[str, npt.NDArray[np.int32]]:
    """Some voxels of each label, always the same ones."""
    random = np.random.default_rng(0)
    places = {}
    for index in range(count):
        voxels = np.argwhere(labels == index + 1).astype(np.int32)
        if len(voxels) > PLACES:
            voxels = voxels[random.choice(len(voxels), PLACES, replace=False)]
        places[str(index)] = voxels
    return places


def _check_hashes(data: DataList, prepared: dict[Part, tuple[PreparedCase, ...]]) -> None:
    seen: dict[str, tuple[Part, PreparedCase]] = {}
    for part in PARTS:
        for case in prepared[part]:
            for image in case.sha256:
                known, other = seen.setdefault(image, (part, case))
                if known != part:
                    raise VoCoError(
                        f"{data.path}: {other.case.images[0]} ({known}) and {case.case.images[0]} "
                        f"({part}) are the same image: leave it in one, or the figures are worth "
                        "nothing."
                    )


def _check_structures(data: DataList, training: Sequence[PreparedCase]) -> None:
    for index, name in enumerate(data.structures):
        labels = [data.values.index(value) for value in data.members[index]]
        known = [case for case in training if index in case.case.known]
        if not any(len(case.places[label]) for case in known for label in labels):
            raise VoCoError(
                f"No training case of {data.path} has a voxel of {name}: add one that has, or "
                "leave the structure out of its labels."
            )
