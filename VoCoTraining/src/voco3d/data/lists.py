"""Which volumes there are: a folder of CTs, a Decathlon data list or an nnU-Net raw folder."""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import SimpleITK as sitk

from voco3d.data.images import series_files, series_in
from voco3d.errors import VoCoError

Part = Literal["training", "validation"]

ENDINGS = (
    ".nii.gz",
    ".nii",
    ".hdr",
    ".nrrd",
    ".nhdr",
    ".mha",
    ".mhd",
    ".gipl.gz",
    ".gipl",
    ".mnc",
    ".vtk",
)
"""Endings of image files that are looked for in a folder."""

SEGMENTATION = ".seg.nrrd"


@dataclass(frozen=True)
class Source:
    """One volume as the user has it.

    Attributes:
        name: Its path below the data folder, without the ending; unique.
        images: Its image files or DICOM folders, one a channel.
        part: What it is used for.
    """

    name: str
    images: tuple[Path, ...]
    part: Part


def find_sources(data: Path, validation_share: float = 0.1) -> list[Source]:
    """The volumes of a data set, sorted by name.

    Args:
        data: A folder of images (with subfolders; a folder with DICOM files is one volume), a
            Decathlon ``dataset.json`` or its folder, or an nnU-Net raw folder (``imagesTr`` and a
            ``dataset.json`` that has ``file_ending``). Of a data list, every list of entries with
            an image counts: those with "validation" in their name for validation, those with
            "test" not at all, the others for training. ``imagesTs`` of nnU-Net is left out.
        validation_share: Share of the volumes that is held out where the data name none for
            validation: at least one of two or more, the same ones each time. 0 holds out none.

    Raises:
        VoCoError: ``data`` is missing or holds no volumes, the data list cannot be read, a volume
            is listed for both parts, or the volumes differ in channels or modality.
    """
    if not 0 <= validation_share < 1:
        raise VoCoError(
            f"The share held out for validation must be from 0 to below 1, not {validation_share}."
        )
    data = data.absolute()
    if not data.exists():
        raise VoCoError(f"{data} does not exist: give a folder of images or a dataset.json.")
    listing = data / "dataset.json" if data.is_dir() else data
    if not listing.exists():
        found = list(_in_folder(data))
    elif "file_ending" in (content := _read_listing(listing)):
        found = list(_in_nnunet(listing.parent, content))
    else:
        found = list(_in_decathlon(listing.parent, content))
    sources = sorted(_once_each(found), key=lambda source: source.name)
    if not sources:
        raise VoCoError(f"{data} holds no image to train on: give a folder of 3-D images.")
    _check_channels(sources)
    if not any(source.part == "validation" for source in sources):
        sources = _hold_out(sources, validation_share)
    return sources


def _in_folder(data: Path) -> Iterator[Source]:
    modalities: dict[str, Path] = {}
    for name, _, files in os.walk(data):
        folder, dicom = Path(name), False
        for file in sorted(files):
            if file.startswith(".") or file.lower().endswith(SEGMENTATION):
                continue
            if file.lower().endswith(ENDINGS):
                yield Source(_name(folder / file, data), (folder / file,), "training")
            else:
                dicom = dicom or _is_dicom(folder / file)
        if dicom:
            modalities.setdefault(_modality(folder), folder)
            yield Source(_name(folder, data), (folder,), "training")
    if len(modalities) > 1:
        mixed = ", ".join(f"{kind} ({place})" for kind, place in sorted(modalities.items()))
        raise VoCoError(f"{data} mixes modalities: {mixed}; cache one modality at a time.")


def _is_dicom(file: Path) -> bool:
    from pydicom.misc import is_dicom  # takes most of a second to import

    try:
        return is_dicom(file)
    except OSError:
        return False


def _modality(folder: Path) -> str:
    """Modality of the first DICOM series in a folder."""
    for series in series_in(folder):
        reader = sitk.ImageFileReader()
        reader.SetFileName(series_files(folder, series)[0])
        try:
            reader.ReadImageInformation()
        except RuntimeError:
            continue
        if reader.HasMetaDataKey("0008|0060"):
            return reader.GetMetaData("0008|0060").strip()
    return "unknown"


def _read_listing(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise VoCoError(f"{path} cannot be read as a data list (JSON): {error}.") from error
    if not isinstance(content, dict):
        raise VoCoError(f"{path} is not a data list: it must be an object with lists of images.")
    return content


def _in_decathlon(root: Path, content: dict[str, Any]) -> Iterator[Source]:
    for key, entries in content.items():
        if "test" in key.lower() or not isinstance(entries, list):
            continue
        part: Part = "validation" if "validation" in key.lower() else "training"
        for entry in entries:
            images = entry.get("image") if isinstance(entry, dict) else None
            if isinstance(images, str):
                images = [images]
            if not images:
                continue
            paths = tuple(Path(os.path.normpath(root / image)) for image in images)
            yield Source(_name(paths[0], root), paths, part)


def _in_nnunet(root: Path, content: dict[str, Any]) -> Iterator[Source]:
    ending, names = str(content["file_ending"]), content.get("channel_names")
    channel = re.compile(rf"(.+)_(\d{{4}}){re.escape(ending)}")
    cases: dict[str, list[Path]] = {}
    folder = root / "imagesTr"
    if not folder.is_dir():
        raise VoCoError(f"{root} has no folder imagesTr: an nnU-Net raw data set needs one.")
    for file in sorted(folder.iterdir()):
        if match := channel.fullmatch(file.name):
            cases.setdefault(match[1], []).append(file)
    for case, files in cases.items():
        if names is not None and len(files) != len(names):
            raise VoCoError(
                f"Case {case} has {len(files)} channels, but {root / 'dataset.json'} names "
                f"{len(names)}: complete the case or remove it."
            )
        yield Source(case, tuple(files), "training")


def _name(path: Path, root: Path) -> str:
    """The path below ``root`` without the ending; of the root itself its name."""
    below = path.relative_to(root) if path.is_relative_to(root) else path
    name = below.as_posix() if below.name else root.name
    ending = next((e for e in ENDINGS if name.lower().endswith(e)), "")
    return name.removesuffix(name[len(name) - len(ending) :]) if ending else name


def _once_each(sources: Iterable[Source]) -> Iterator[Source]:
    seen: dict[str, Source] = {}
    for source in sources:
        known = seen.setdefault(source.name, source)
        if known.part != source.part:
            raise VoCoError(f"{source.name} is listed for training and for validation: choose one.")
        if known is source:
            yield source
        elif known.images != source.images:
            raise VoCoError(f"Two images are called {source.name}: rename one of them.")


def _check_channels(sources: Sequence[Source]) -> None:
    counts = Counter(len(source.images) for source in sources)
    if len(counts) > 1:
        usual = counts.most_common(1)[0][0]
        other = next(source for source in sources if len(source.images) != usual)
        raise VoCoError(
            f"The volumes differ in channels: most have {usual}, {other.name} has "
            f"{len(other.images)}; cache volumes of the same channels only."
        )


def _hold_out(sources: Sequence[Source], share: float) -> list[Source]:
    """Mark a share for validation, by a hash of the names, so that order has no say in it."""
    if share == 0 or len(sources) < 2:
        return list(sources)
    count = min(max(1, round(share * len(sources))), len(sources) - 1)
    drawn = sorted(sources, key=lambda s: hashlib.sha256(s.name.encode()).digest())[:count]
    held_out = {source.name for source in drawn}
    return [replace(s, part="validation") if s.name in held_out else s for s in sources]
