"""Finding the cases of a data set in a folder, by the names of its files."""

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from voco3d.errors import VoCoError
from voco3d.presets.preset import Layout, Preset


class Fault(NamedTuple):
    """Something that is wrong with a data set.

    Attributes:
        kind: What is wrong.
        case: Where.
        detail: More about it; may be empty.
    """

    kind: str
    case: str
    detail: str = ""


@dataclass(frozen=True)
class Case:
    """What was found of a case.

    Attributes:
        name: As the preset calls it; of classification, class, patient and scan.
        patient: Whose it is.
        category: Its class, for classification.
        images: Files, or folders of slices, in the preset's order of channels; all that are there.
        label: The label map, where there is one.
    """

    name: str
    patient: str
    category: str | None
    images: tuple[Path, ...]
    label: Path | None


@dataclass(frozen=True)
class Found:
    """What was found of a data set.

    Attributes:
        preset: The data set.
        layout: How it lies there.
        cases: All that is there of each case, sorted by name.
        faults: What is missing, incomplete or there twice.
    """

    preset: Preset
    layout: Layout
    cases: tuple[Case, ...]
    faults: tuple[Fault, ...]


def find_cases(preset: Preset, folder: Path) -> Found:
    """Find the cases of a data set in a folder and the folders in it.

    Raises:
        VoCoError: If the folder is not there, or holds nothing that is laid out in a known way.
    """
    if not folder.is_dir():
        raise VoCoError(f"{folder} is no folder that can be read: give that of the data set.")
    files = list(_files(folder))
    layout = max(preset.layouts, key=lambda layout: len(_matches(files, layout.image)))
    images, labels = _matches(files, layout.image), _matches(files, layout.label)
    if not images:
        known = ", or ".join(layout.example for layout in preset.layouts)
        raise VoCoError(
            f"{folder} holds no image of {preset.title}: it is expected as {known}; it is "
            f"obtained from {preset.source} under {preset.licence}."
        )
    collected = _Collected(preset, layout)
    for path, match in images:
        collected.add_image(path.parent if layout.slices else path, match)
    for path, match in labels:
        collected.add_label(path, match)
    cases = collected.cases()
    return Found(preset, layout, cases, (*collected.faults(), *_absent(preset, cases)))


def _files(folder: Path) -> Iterator[Path]:
    """All files, sorted; not those that begin with a dot, as copies from a Mac bring them."""
    for place, folders, names in os.walk(folder.absolute()):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(place, name)


def _matches(
    files: Iterable[Path], pattern: re.Pattern[str] | None
) -> list[tuple[Path, re.Match[str]]]:
    if pattern is None:
        return []
    matches = ((file, pattern.fullmatch(file.as_posix())) for file in files)
    return [(file, match) for file, match in matches if match]


class _Collected:
    """Files by case and channel."""

    def __init__(self, preset: Preset, layout: Layout) -> None:
        self.preset, self.layout = preset, layout
        self.names = {_plain(name): name for name in preset.cases}
        self.about: dict[str, tuple[str, str | None]] = {}
        self.images: dict[str, dict[int, list[Path]]] = defaultdict(lambda: defaultdict(list))
        self.labels: dict[str, list[Path]] = defaultdict(list)

    def add_image(self, path: Path, match: re.Match[str]) -> None:
        groups = match.groupdict()
        channel = self.layout.channels.index(groups["channel"]) if "channel" in groups else 0
        there = self.images[self._name(match)][channel]
        if path not in there:  # the slices of a volume share their folder
            there.append(path)

    def add_label(self, path: Path, match: re.Match[str]) -> None:
        self.labels[self._name(match)].append(path)

    def _name(self, match: re.Match[str]) -> str:
        groups = match.groupdict()
        case = self.names.get(_plain(groups["case"]), groups["case"])
        patient, category = groups.get("patient"), groups.get("category")
        if category is not None:  # in the preset's spelling, whatever that of the folder
            spelling = {name.casefold(): name for name in self.preset.categories}
            category = spelling[category.casefold()]
        name = "/".join(part for part in (category, patient, case) if part is not None)
        self.about[name] = patient or case, category
        return name

    def cases(self) -> tuple[Case, ...]:
        return tuple(
            Case(
                name,
                *self.about[name],
                tuple(paths[0] for _, paths in sorted(self.images[name].items())),
                next(iter(self.labels[name]), None),
            )
            for name in sorted(self.about, key=by_number)
        )

    def faults(self) -> Iterator[Fault]:
        channels = self.preset.channels
        for name in sorted(self.about, key=by_number):
            images, labels = self.images[name], self.labels[name]
            absent = [channel for i, channel in enumerate(channels) if i not in images]
            if not images:
                yield Fault("label without image", name)
            elif absent:
                yield Fault("channel missing", name, ", ".join(absent))
            if not labels and self.preset.labels is not None:
                yield Fault("image without label", name)
            for paths in (*images.values(), labels):
                if len(paths) > 1:
                    yield Fault("there twice", name, " and ".join(map(str, paths)))
            if self.names and name not in self.names.values():
                yield Fault("not of this data set", name)


def _absent(preset: Preset, cases: Sequence[Case]) -> Iterator[Fault]:
    """Cases that are not there at all, and patients of several classes."""
    there = {case.name for case in cases}
    yield from (Fault("not there", name) for name in preset.cases if name not in there)
    patients = {case.patient for case in cases}
    if not preset.cases and len(patients) < preset.count:
        missing = preset.count - len(patients)
        yield Fault("not there", f"{missing} of {preset.count} {preset.unit}")
    categories = defaultdict(set)
    for case in cases:
        categories[case.patient].add(case.category)
    for patient, found in categories.items():
        if len(found) > 1:
            detail = ", ".join(sorted(map(str, found)))
            for case in cases:
                if case.patient == patient:
                    yield Fault("patient in several classes", case.name, detail)


def _plain(number: str) -> str:
    """A case's number as all layouts have it: without leading zeros."""
    return number.lstrip("0") or "0"


def by_number(name: str) -> tuple[tuple[str, int], ...]:
    """Sorts names with numbers as people count: 2 before 10."""
    return tuple((text, int(number or 0)) for text, number in re.findall(r"(\D*)(\d*)", name))
