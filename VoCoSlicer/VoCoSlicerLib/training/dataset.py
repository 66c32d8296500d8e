"""Volumes and segmentations of the scene, written as a data set that can be trained on."""

import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.geometry import RAS_TO_LPS, Matrix, index_to_world
from VoCoSlicerLib.scene.steps import Steps, finish
from VoCoSlicerLib.scene.transfer import check_volume, nrrd_header, writing_volume
from VoCoSlicerLib.training.label_maps import Labels, drawing
from VoCoSlicerLib.training.structures import common_structures

HELD_OUT = 0.2
"""Share of the cases that the weights are chosen on."""

CHUNK = 16 * 2**20
"""Bytes written at a time."""


@dataclass(frozen=True)
class SceneCase:
    """A volume of the scene, with the segmentation that was made on it.

    Attributes:
        volume: The image.
        segmentation: Its structures; None where there are none, which is enough for pre-training.
    """

    volume: slicer.vtkMRMLScalarVolumeNode
    segmentation: slicer.vtkMRMLSegmentationNode | None = None


def scene_cases(scene: slicer.vtkMRMLScene) -> list[SceneCase]:
    """The volumes of a scene, each with every segmentation that was made on it.

    A segmentation belongs to the volume that it takes its geometry from.
    """
    role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    segmentations = _nodes(scene, "vtkMRMLSegmentationNode")
    cases = []
    for volume in _nodes(scene, "vtkMRMLScalarVolumeNode"):
        try:
            check_volume(volume)
        except VoCoSlicerError:
            continue
        own = [node for node in segmentations if node.GetNodeReferenceID(role) == volume.GetID()]
        cases += [SceneCase(volume, segmentation) for segmentation in own or [None]]
    return cases


def write_dataset(cases: Sequence[SceneCase], folder: Path, labelled: bool = True) -> Path:
    """Write cases as a data set; see ``writing_dataset``."""
    return finish(writing_dataset(cases, folder, labelled))


def writing_dataset(cases: Sequence[SceneCase], folder: Path, labelled: bool = True) -> Steps[Path]:
    """Write cases as a data set, in steps of a few milliseconds.

    Images and label maps are NRRD files on the volumes' own grids. A structure has one label in
    all cases. A case whose segmentation lacks a segment that others have is marked as having no
    contours for it; an empty segment says that the structure is not there. Some cases, by whole
    patients, are held out for validation, none of them the only one with a structure. File names
    are numbers. Closing the generator leaves nothing.

    Args:
        cases: What is written.
        folder: A new folder.
        labelled: Whether the segmentations are written too.

    Returns:
        The data list, ``dataset.json``.

    Raises:
        VoCoSlicerError: The cases do not make a data set, or cannot be written.
    """
    _check(cases, labelled)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    is_whole = False
    try:
        path = yield from _Writer(cases, folder, labelled).write()
        is_whole = True
        return path
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        if not is_whole:
            with suppress(OSError):
                shutil.rmtree(folder)


@dataclass
class _Written:
    """A case on the disk: its entry in the data list, whose it is, and what is in it."""

    entry: dict[str, Any]
    patient: object
    present: set[int] = field(default_factory=set)


class _Writer:
    def __init__(self, cases: Sequence[SceneCase], folder: Path, labelled: bool) -> None:
        self.cases, self.folder, self.labelled = cases, folder, labelled
        self.names: tuple[str, ...] = ()
        self.labels: tuple[dict[str, int], ...] = ()
        if labelled:
            structures = common_structures([case.segmentation for case in cases])
            self.names, self.labels = structures.names, structures.labels

    def write(self) -> Steps[Path]:
        patients: dict[object, str] = {}
        written = []
        for number, case in enumerate(self.cases):
            patient = _patient(case.volume)
            one = _Written({"image": f"images/case{number + 1:03}.nrrd"}, patient)
            if patient is not None:
                one.entry["patient"] = patients.setdefault(patient, f"patient {len(patients) + 1}")
            image = self.folder / one.entry["image"]
            image.parent.mkdir(exist_ok=True)
            place = index_to_world(case.volume)
            for share in writing_volume(case.volume, image):
                yield (number + share / 2) / len(self.cases)
            if self.labelled:
                for share in self._writing_labels(number, one):
                    yield (number + 0.5 + share / 2) / len(self.cases)
            _check_unchanged(case, place)
            written.append(one)
        content: dict[str, Any] = {"name": "3D Slicer scene"}
        if self.labelled:
            content["labels"] = {"0": "background"}
            content["labels"] |= {str(n): name for n, name in enumerate(self.names, start=1)}
            held_out = self._held_out(written)
            content["validation"] = [one.entry for one in written if id(one) in held_out]
            content["training"] = [one.entry for one in written if id(one) not in held_out]
        else:
            content["training"] = [one.entry for one in written]
        path = self.folder / "dataset.json"
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return path

    def _writing_labels(self, number: int, one: _Written) -> Steps[None]:
        case, labels = self.cases[number], self.labels[number]
        drawn = yield from drawing(case.segmentation, labels, case.volume)
        one.present = set(np.unique(drawn).tolist()) - {0}
        one.entry["label"] = f"labels/case{number + 1:03}.nrrd"
        path = self.folder / one.entry["label"]
        path.parent.mkdir(exist_ok=True)
        yield from _writing_labels(path, drawn, case.volume)
        if len(labels) < len(self.names):
            one.entry["classes"] = [self.names[label - 1] for label in sorted(labels.values())]

    def _held_out(self, written: Sequence[_Written]) -> set[int]:
        """Some cases, the last ones that can be spared, by their identity."""
        wanted = set().union(*(one.present for one in written))
        missing = set(range(1, len(self.names) + 1)) - wanted
        if missing:
            raise VoCoSlicerError(
                _("{name} is empty in all segmentations: draw it, or remove the segment.").format(
                    name=self.names[min(missing) - 1]
                )
            )
        count = max(1, round(HELD_OUT * len(written)))
        held_out: set[int] = set()
        for last in reversed(written):
            own = {
                id(one)
                for one in written
                if one is last or (one.patient is not None and one.patient == last.patient)
            }
            rest = [one for one in written if id(one) not in held_out | own]
            if not own & held_out and wanted <= set().union(*(one.present for one in rest)):
                held_out |= own
            if len(held_out) >= count:
                return held_out
        if not held_out:
            raise VoCoSlicerError(
                _(
                    "No case can be kept for validation: each has a structure that no other "
                    "patient has; choose more cases."
                )
            )
        return held_out


def _check(cases: Sequence[SceneCase], labelled: bool) -> None:
    if not cases:
        raise VoCoSlicerError(_("No volume is chosen: tick some."))
    if labelled and len(cases) < 2:
        raise VoCoSlicerError(_("Tick two cases or more: one of them is kept for validation."))
    seen = set()
    for case in cases:
        name = case.volume.GetName()
        check_volume(case.volume)
        if labelled and case.segmentation is None:
            raise VoCoSlicerError(
                _(
                    "{name} has no segmentation: choose it as the source geometry of its "
                    "segmentation (Segmentations module), or do not tick it."
                ).format(name=name)
            )
        if case.volume.GetID() in seen:
            raise VoCoSlicerError(
                _("{name} is ticked with two segmentations: choose one.").format(name=name)
            )
        seen.add(case.volume.GetID())


def _check_unchanged(case: SceneCase, place: Matrix) -> None:
    """Image and labels were written one after the other: they must still belong together."""
    nodes = [case.volume] if case.segmentation is None else [case.volume, case.segmentation]
    is_there = all(node.GetScene() is not None for node in nodes)
    if not is_there or not np.array_equal(index_to_world(case.volume), place):
        raise VoCoSlicerError(
            _("{name} was changed while it was written: start again.").format(
                name=case.volume.GetName()
            )
        )


def _writing_labels(
    path: Path, labels: Labels, volume: slicer.vtkMRMLScalarVolumeNode
) -> Steps[None]:
    header = nrrd_header(labels.dtype, labels.shape, RAS_TO_LPS @ index_to_world(volume))
    data = labels.ravel(order="F").data
    with path.open("wb") as file:
        file.write(header)
        for start in range(0, len(data), CHUNK):
            file.write(data[start : start + CHUNK])
            yield min(start + CHUNK, len(data)) / len(data)


def _patient(volume: slicer.vtkMRMLScalarVolumeNode) -> int | None:
    """The patient of a volume in the subject hierarchy; None where there is none."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(volume.GetScene())
    if hierarchy is None:
        return None
    level = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMLevelPatient()
    item = hierarchy.GetItemByDataNode(volume)
    return (hierarchy.GetItemAncestorAtLevel(item, level) or None) if item else None


def _nodes(scene: slicer.vtkMRMLScene, kind: str) -> list[Any]:
    """The nodes of exactly this class, in the order of the scene."""
    nodes = (scene.GetNthNode(n) for n in range(scene.GetNumberOfNodes()))
    return [node for node in nodes if node.GetClassName() == kind]


def _unwritable(folder: Path, error: OSError) -> VoCoSlicerError:
    return VoCoSlicerError(
        _("{folder} cannot be written to ({reason}): choose another output folder.").format(
            folder=folder, reason=error.strerror
        )
    )
