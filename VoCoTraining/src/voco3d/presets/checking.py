"""Whether the files of a data set are what they should be: grids, and values of label maps."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from voco3d.data.grids import on_one_grid
from voco3d.errors import VoCoError
from voco3d.presets.finding import Case, Fault, Found, find_cases
from voco3d.presets.preset import Labels, Layout, Preset
from voco3d.progress import Progress, silent

UNREADABLE = "cannot be read"


@dataclass(frozen=True)
class Report:
    """What there is of a data set, and what is wrong with it.

    Attributes:
        preset: The data set.
        layout: How it lies there.
        labels: What the label values mean there; None for classification.
        whole: The cases without a fault, sorted by name.
        faults: What is wrong.
    """

    preset: Preset
    layout: Layout
    labels: Labels | None
    whole: tuple[Case, ...]
    faults: tuple[Fault, ...]

    @property
    def patients(self) -> int:
        """Number of patients of the whole cases."""
        return len({case.patient for case in self.whole})


def check(
    preset: Preset, folder: Path, contents: bool = False, progress: Progress = silent
) -> Report:
    """Check a data set in a folder.

    Args:
        preset: What it should be.
        folder: Where it lies, itself or in folders in it.
        contents: Read the label maps too, and look for images that two patients share, which
            takes a while; else only names and headers are read.
        progress: Is told of each case.

    Raises:
        VoCoError: If the folder holds nothing of the data set.
    """
    found = find_cases(preset, folder)
    labels = found.layout.labels or preset.labels
    faults, values = list(found.faults), Counter[int]()
    for done, case in enumerate(found.cases):
        progress(done, len(found.cases), f"checking {case.name}")
        if not found.layout.slices:
            faults += _check_grids(case)
        if contents and labels is not None and case.label is not None:
            faults += _check_values(case, case.label, labels, values)
    progress(len(found.cases), len(found.cases), "checked")
    if contents and labels is not None:
        faults += _unused(labels, values)
    if contents and not found.layout.slices:
        faults += _shared(found.cases)
    return Report(preset, found.layout, labels, _whole(found, faults), tuple(faults))


def _whole(found: Found, faults: list[Fault]) -> tuple[Case, ...]:
    faulty = {fault.case for fault in faults}
    return tuple(case for case in found.cases if case.name not in faulty)


def _check_grids(case: Case) -> Iterator[Fault]:
    """The first image that can be read says where the others and the label map should lie."""
    grids = {}
    for path in (*case.images, *filter(None, [case.label])):
        try:
            grids[path] = _grid(path)
        except VoCoError as error:
            yield Fault(UNREADABLE, case.name, str(error))
    for path in grids:
        first = next(iter(grids))
        if not on_one_grid(grids[first], grids[path]):
            yield Fault("on another grid", case.name, f"{path.name} than {first.name}")


def _grid(path: Path) -> sitk.Image:
    """The grid of an image file, from its header; an image without content."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise VoCoError(f"{path.name} is no image, or damaged") from error
    if reader.GetDimension() != 3:
        raise VoCoError(f"{path.name} is {reader.GetDimension()}-D")
    grid = sitk.Image(reader.GetSize(), sitk.sitkUInt8)
    grid.SetSpacing(reader.GetSpacing())
    grid.SetOrigin(reader.GetOrigin())
    grid.SetDirection(reader.GetDirection())
    return grid


def _check_values(case: Case, label: Path, labels: Labels, values: Counter[int]) -> Iterator[Fault]:
    """Values of a label map that mean nothing; those there are, are counted in ``values``."""
    from voco3d.metrics.label_maps import read_label_map  # brings torch, which takes seconds

    try:
        label_map = read_label_map(label)
    except VoCoError as error:
        yield Fault(UNREADABLE, case.name, str(error))
        return
    there = dict(
        zip(*(a.tolist() for a in np.unique(label_map.array, return_counts=True)), strict=True)
    )
    values.update(there.keys())
    unknown = {value: n for value, n in there.items() if value not in labels.values | {0}}
    if unknown:
        detail = ", ".join(f"{value} ({n} voxels)" for value, n in unknown.items())
        yield Fault("label values without a meaning", case.name, detail)


def _unused(labels: Labels, values: Counter[int]) -> Iterator[Fault]:
    for name, members in labels.members.items():
        if not any(values[value] for value in members):
            yield Fault("in no label map", name)


def _shared(cases: Sequence[Case]) -> Iterator[Fault]:
    """Images that two patients have; only files of one length are read."""
    from voco3d.data.cache.sources import sha256

    lengths: dict[int, list[tuple[Path, Case]]] = defaultdict(list)
    for case in cases:
        for path in case.images:
            lengths[path.stat().st_size].append((path, case))
    for images in lengths.values():
        seen: dict[str, tuple[Path, Case]] = {}
        for path, case in images if len(images) > 1 else []:
            first, other = seen.setdefault(sha256(path), (path, case))
            if other.patient != case.patient:
                yield Fault("image of another patient too", case.name, f"{path} and {first}")
