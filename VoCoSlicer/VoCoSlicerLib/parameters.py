"""What the window asks the user, kept in the scene."""

from enum import Enum
from typing import Annotated

import slicer
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import Default, WithinRange, parameterNodeWrapper


class Input(Enum):
    """What one press of Apply segments."""

    VOLUME = "volume"
    SEQUENCE = "sequence"
    VOLUMES = "volumes"

    def label(self) -> str:
        """The name shown in the window."""
        return {
            Input.VOLUME: _("One volume"),
            Input.SEQUENCE: _("All items of a sequence"),
            Input.VOLUMES: _("Several volumes"),
        }[self]


class Overlap(Enum):
    """How far neighbouring tiles overlap: more is slower and smoother."""

    MODEL = "model"
    LITTLE = "little"
    MUCH = "much"

    def label(self) -> str:
        """The name shown in the window."""
        return {
            Overlap.MODEL: _("As the model says"),
            Overlap.LITTLE: _("Little (25 %): faster"),
            Overlap.MUCH: _("Much (75 %): smoother, slower"),
        }[self]

    @property
    def share(self) -> float | None:
        """The share of a tile's side, or None for the model's own."""
        return {Overlap.MODEL: None, Overlap.LITTLE: 0.25, Overlap.MUCH: 0.75}[self]


class Step(Enum):
    """How far the crops of a sweep lie apart."""

    HALF = "half"
    QUARTER = "quarter"
    EIGHTH = "eighth"

    def label(self) -> str:
        """The name shown in the window."""
        return {
            Step.HALF: _("Half a base"),
            Step.QUARTER: _("A quarter of a base"),
            Step.EIGHTH: _("An eighth of a base: slow"),
        }[self]

    @property
    def share(self) -> float:
        """The share of a base's side."""
        return {Step.HALF: 0.5, Step.QUARTER: 0.25, Step.EIGHTH: 0.125}[self]


class MarkKind(Enum):
    """What the user marks a place with, which is looked for in another volume."""

    POINT = "point"
    BOX = "box"

    def label(self) -> str:
        """The name shown in the window."""
        return {MarkKind.POINT: _("A point"), MarkKind.BOX: _("A box")}[self]


@parameterNodeWrapper
class Parameters:
    """The choices of the window.

    Attributes:
        input: one volume or many.
        volume: the volume to segment; the first channel, and the grid, of a model with several.
        second_volume: the second channel of a model with several, and so on.
        model: name, folder or checkpoint file, as the worker takes it.
        left_out: names of structures that the user does not want, of any model.
        segmentation: where the result goes; None makes a new one.
        show_in_3d: whether structures get a surface after the run.
        region: only this box is computed; None computes the whole volume.
        overlap: how far tiles overlap.
        small_tiles: whether tiles are smaller than the model's.
        sequence: the sequence to segment.
        volumes: the several volumes to segment.
        position_model: the model that is asked for positions, as ``model``.
        bases_x: how many bases lie side by side from left to right; likewise the next two.
        bases_y: front to back.
        bases_z: head to feet.
        step: distance of the crops of a sweep.
        mark: what a place of the volume is marked with.
        other_volume: the volume that is searched for that place.
    """

    input: Input
    volume: slicer.vtkMRMLScalarVolumeNode
    second_volume: slicer.vtkMRMLScalarVolumeNode
    third_volume: slicer.vtkMRMLScalarVolumeNode
    fourth_volume: slicer.vtkMRMLScalarVolumeNode
    model: str
    left_out: list[str]
    segmentation: slicer.vtkMRMLSegmentationNode
    show_in_3d: bool
    region: slicer.vtkMRMLMarkupsROINode
    overlap: Overlap
    small_tiles: bool
    sequence: slicer.vtkMRMLSequenceNode
    volumes: list[slicer.vtkMRMLScalarVolumeNode]
    position_model: str
    bases_x: Annotated[int, WithinRange(1, 12), Default(4)]
    bases_y: Annotated[int, WithinRange(1, 12), Default(4)]
    bases_z: Annotated[int, WithinRange(1, 12), Default(1)]
    step: Step
    mark: MarkKind
    other_volume: slicer.vtkMRMLScalarVolumeNode
