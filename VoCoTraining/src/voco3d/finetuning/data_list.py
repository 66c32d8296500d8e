"""The data list of a fine-tuning run: which labelled cases there are, and what labels mean."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from voco3d.errors import VoCoError
from voco3d.models.regions import LARGEST, Regions

Part = Literal["training", "validation", "test"]
PARTS: tuple[Part, ...] = ("training", "validation", "test")


@dataclass(frozen=True)
class Case:
    """A labelled case.

    Attributes:
        name: Its first image's file name without the ending.
        images: Files or DICOM folders, one a channel, on one grid.
        label: The label map; None for classification.
        category: The class of the whole case; None for segmentation.
        known: Structures that the case has contours for, by index.
        patient: Whose image it is, where the list says so.
    """

    name: str
    images: tuple[Path, ...]
    label: Path | None
    category: int | None
    known: frozenset[int]
    patient: str | None = None


@dataclass(frozen=True)
class DataList:
    """The content of a ``dataset.json``.

    Attributes:
        path: The file.
        structures: Names, in the order of the network's outputs.
        values: The label values that may occur in a label map, besides 0, sorted.
        members: For each structure, the label values that it consists of.
        written: For each structure, the label value that a prediction gets there; later ones
            replace earlier ones where structures overlap.
        categories: Names of the classes of whole cases.
        cases: Cases of each part.
        channel_names: What the images of a case are, where the list says so.
    """

    path: Path
    structures: tuple[str, ...]
    values: tuple[int, ...]
    members: tuple[tuple[int, ...], ...]
    written: tuple[int, ...]
    categories: tuple[str, ...]
    cases: Mapping[Part, tuple[Case, ...]]
    channel_names: tuple[str, ...] = ()

    @property
    def overlapping(self) -> bool:
        """Whether structures consist of several label values, and so may overlap."""
        return any(len(values) > 1 for values in self.members)

    @property
    def channels(self) -> int:
        """Images of a case."""
        return len(next(case for cases in self.cases.values() for case in cases).images)


def read_data_list(path: Path) -> DataList:
    """Read a Decathlon-style ``dataset.json`` with labelled cases.

    ``labels`` is ``{"1": "spleen", ...}`` or, as nnU-Net has it, ``{"spleen": 1, ...}``, where a
    list of values makes a region, and ``regions_class_order`` says what a region is written as.
    The lists ``training``, ``validation`` and ``test`` hold entries with ``image`` (a path, or one
    a channel), ``label`` and optionally ``patient`` and ``classes``, the names of the structures
    that the case has contours for. For classification, entries have ``class`` and the list
    ``categories``. ``channel_names`` is ``{"0": "flair", ...}``, as nnU-Net has it. Paths count
    from the list's folder. Entries without a label are left out.

    Raises:
        VoCoError: If it cannot be read, is not such a list, has no training cases (of a
            category), or has a case or a patient in two parts.
    """
    path = path / "dataset.json" if path.is_dir() else path
    content = _content(path)
    categories = _categories(path, content)
    names, members, written = ((), (), ()) if categories else _structures(path, content)
    cases = {
        part: tuple(
            _case(path, entry, names, categories)
            for entry in _entries(path, content, part)
            if entry.get("class" if categories else "label") is not None
        )
        for part in PARTS
    }
    if not cases["training"]:
        raise VoCoError(
            f"{path} lists no labelled training case: add entries with image and label."
        )
    _check_categories(path, categories, cases["training"])
    _check_channels(path, [case for part in PARTS for case in cases[part]])
    _check_parts(path, cases)
    values = tuple(sorted({value for structure in members for value in structure}))
    channels = _channel_names(path, content, len(cases["training"][0].images))
    return DataList(path, names, values, members, written, categories, cases, channels)


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VoCoError(f"The data list {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise VoCoError(f"The data list {path} is not JSON: {error}.") from error
    if not isinstance(content, dict):
        raise VoCoError(f"{path} is not a data list: it must be an object with lists of cases.")
    return content


def _categories(path: Path, content: Mapping[str, Any]) -> tuple[str, ...]:
    names = content.get("categories", [])
    names = [str(name) for name in names] if isinstance(names, list) else [str(names)]
    if len(names) == 1 or len({name.casefold() for name in names}) < len(names):
        raise VoCoError(f"{path} must list two categories or more, each once.")
    return tuple(names)


def _structures(
    path: Path, content: Mapping[str, Any]
) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...], tuple[int, ...]]:
    """Names, label values and written values of the structures."""
    labels = content.get("labels")
    try:
        if not isinstance(labels, dict):
            raise TypeError
        table = [_structure(str(key), value) for key, value in labels.items()]
        table = [(name, values) for name, values in table if values != (0,)]
        regions = any(len(values) > 1 for _, values in table)
        if not regions:
            table.sort(key=lambda entry: entry[1])
        order = content.get("regions_class_order") if regions else None
        written = tuple(map(int, order or [values[0] for _, values in table]))
    except (IndexError, TypeError, ValueError):
        raise VoCoError(
            f'{path} does not say what its labels mean: add "labels": {{"1": "spleen", ...}}.'
        ) from None
    names = tuple(name for name, _ in table)
    members = tuple(values for _, values in table)
    if not _distinct(name.casefold() for name in names) or not _distinct(members):
        raise VoCoError(f"{path} must give each label a name of its own.")
    if not 1 <= len(names) <= LARGEST or min(map(min, members)) < 1:
        raise VoCoError(f"{path} must name 1 to {LARGEST} structures, whose labels are above 0.")
    if regions:
        _check_regions(path, members, written)
    return names, members, written


def _structure(key: str, value: Any) -> tuple[str, tuple[int, ...]]:
    """Name and label values of an entry, ``"1": "spleen"`` or ``"spleen": 1``."""
    if key.lstrip("-").isdigit():
        return str(value), (int(key),)
    values = value if isinstance(value, list) else [value]
    if not values or any(int(v) != float(v) for v in values):
        raise ValueError(values)
    return key, tuple(int(v) for v in values)


def _distinct(values: Iterable[object]) -> bool:
    values = list(values)
    return len(set(values)) == len(values)


def _check_regions(path: Path, members: Sequence[Sequence[int]], written: Sequence[int]) -> None:
    """Refuse, before any training, regions of which no model can be made."""
    try:
        Regions(tuple(map(tuple, members)), tuple(written))
    except VoCoError as error:
        raise VoCoError(f"{path}, labels and regions_class_order: {error}") from None


def _entries(path: Path, content: Mapping[str, Any], part: Part) -> list[Mapping[str, Any]]:
    entries = content.get(part, [])
    if not isinstance(entries, list):
        raise VoCoError(f"{path}: {part} must be a list of cases.")
    # A Decathlon list has its test images as bare paths, which have no label
    return [entry for entry in entries if isinstance(entry, dict) and entry.get("image")]


def _case(
    path: Path,
    entry: Mapping[str, Any],
    names: Sequence[str],
    categories: Sequence[str],
) -> Case:
    images = entry["image"] if isinstance(entry["image"], list) else [entry["image"]]
    paths = tuple(_below(path, image) for image in images)
    known = names if entry.get("classes") is None else entry["classes"]
    patient = entry.get("patient")
    return Case(
        name=_name(paths[0]),
        images=paths,
        label=None if categories else _below(path, entry["label"]),
        category=_index(path, str(entry["class"]), categories) if categories else None,
        known=frozenset(
            _index(path, str(name), names)
            for name in (known if isinstance(known, list | tuple) else [known])
        ),
        patient=None if patient in (None, "") else str(patient),
    )


def _below(path: Path, name: object) -> Path:
    """A path that counts from the list's folder."""
    if not isinstance(name, str):
        raise VoCoError(f"{path} has a case whose image or label is {name}: give a path.")
    return Path(os.path.normpath(path.absolute().parent / name))


def _name(path: Path) -> str:
    from voco3d.metrics.pairing import case_name

    return case_name(path)


def _index(path: Path, name: str, names: Sequence[str]) -> int:
    known = [known.casefold() for known in names]
    if name.casefold() not in known:
        raise VoCoError(f"{path} has a case of class {name}: choose from {', '.join(names)}.")
    return known.index(name.casefold())


def _check_categories(path: Path, names: Sequence[str], training: Iterable[Case]) -> None:
    missing = set(range(len(names))) - {case.category for case in training}
    if missing:
        raise VoCoError(
            f"{path} lists no training case of {names[min(missing)]}: add one, or leave it out of "
            "its categories."
        )


def _channel_names(path: Path, content: Mapping[str, Any], count: int) -> tuple[str, ...]:
    names = content.get("channel_names", {})
    keys = [str(channel) for channel in range(count)]
    if names and (not isinstance(names, dict) or sorted(names) != sorted(keys)):
        raise VoCoError(
            f"{path}: channel_names must name the {count} channels of a case, from 0 on."
        )
    return tuple(str(names[key]) for key in keys) if names else ()


def _check_channels(path: Path, cases: Iterable[Case]) -> None:
    counts = {len(case.images): case.name for case in cases}
    if len(counts) > 1:
        (one, first), (other, second) = list(counts.items())[:2]
        raise VoCoError(
            f"{path}: {first} has {one} channels, but {second} has {other}: give every case the "
            "same."
        )


def _check_parts(path: Path, cases: Mapping[Part, Sequence[Case]]) -> None:
    """Refuse an image or a patient that is in two parts, or a case that is listed twice."""
    seen: dict[object, tuple[Part, Case]] = {}
    for part in PARTS:
        for case in cases[part]:
            patient = [] if case.patient is None else [("patient", case.patient)]
            for key in (*case.images, *patient):
                known, other = seen.setdefault(key, (part, case))
                if known != part:
                    what = f"patient {case.patient}" if isinstance(key, tuple) else str(key)
                    raise VoCoError(
                        f"{path} has {what} in {known} and in {part}: leave it in one, or the "
                        "figures are worth nothing."
                    )
                if other is not case and not isinstance(key, tuple):
                    raise VoCoError(f"{path} lists {key} twice in {part}: remove one.")
