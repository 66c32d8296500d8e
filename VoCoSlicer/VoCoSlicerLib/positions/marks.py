"""What the user marks a place with: a point, or a box."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import slicer
from numpy.typing import NDArray

from VoCoSlicerLib.positions.bases import CORNERS, Point, Where
from VoCoSlicerLib.positions.points import show_points
from VoCoSlicerLib.scene.geometry import as_array, as_matrix, box_pose, index_to_world

SHARE = 0.25
"""Sides of a new box over those of its volume."""


class Mark(ABC):
    """A markup that says where something is.

    Attributes:
        kind: Class of the node.
        node: In a scene.
    """

    kind: ClassVar[str]

    def __init__(self, node: slicer.vtkMRMLMarkupsNode) -> None:
        self.node = node

    @staticmethod
    @abstractmethod
    def inside(volume_node: slicer.vtkMRMLScalarVolumeNode) -> Where:
        """Where a new one is put: in the middle of a volume.

        Raises:
            VoCoSlicerError: A transform above the volume is not linear.
        """

    @staticmethod
    @abstractmethod
    def question(where: Where) -> dict[str, Any]:
        """The params of the worker's ``find`` that ask about a place."""

    @staticmethod
    @abstractmethod
    def answer(found: Mapping[str, Any]) -> Where:
        """Where the worker found it."""

    @abstractmethod
    def where(self) -> Where | None:
        """Where the markup is now; None if it was not placed or was emptied."""

    @abstractmethod
    def put(self, where: Where | None, label: str) -> None:
        """Put it there, locked; None puts it nowhere."""

    def let_move(self) -> None:
        """Let the user drag it."""
        self.node.SetLocked(False)

    def colour(self, colour: tuple[float, float, float]) -> None:
        """Draw it in a colour."""
        display = self.node.GetDisplayNode()
        display.SetSelectedColor(*colour)
        display.SetColor(*colour)


class PointMark(Mark):
    """A point."""

    kind = "vtkMRMLMarkupsFiducialNode"

    @staticmethod
    def inside(volume_node: slicer.vtkMRMLScalarVolumeNode) -> Where:
        """See ``Mark``."""
        return _places_in(volume_node, np.zeros((1, 3)))

    @staticmethod
    def question(where: Where) -> dict[str, Any]:
        """See ``Mark``."""
        return {"points": where}

    @staticmethod
    def answer(found: Mapping[str, Any]) -> Where:
        """See ``Mark``."""
        return (tuple(found["place"]),)

    def where(self) -> Where | None:
        """See ``Mark``."""
        if self.node.GetNumberOfDefinedControlPoints() == 0:
            return None
        return (tuple(self.node.GetNthControlPointPositionWorld(0)),)

    def put(self, where: Where | None, label: str) -> None:
        """See ``Mark``."""
        show_points(self.node, {} if where is None else {label: where[0]})


class BoxMark(Mark):
    """A box of any orientation: its places are the corners, in the order of ``CORNERS``."""

    kind = "vtkMRMLMarkupsROINode"

    @staticmethod
    def inside(volume_node: slicer.vtkMRMLScalarVolumeNode) -> Where:
        """See ``Mark``."""
        return _places_in(volume_node, SHARE * CORNERS)

    @staticmethod
    def question(where: Where) -> dict[str, Any]:
        """See ``Mark``."""
        return {"points": [], "boxes": [where]}

    @staticmethod
    def answer(found: Mapping[str, Any]) -> Where:
        """See ``Mark``."""
        return tuple(map(tuple, found["box"]))

    def where(self) -> Where | None:
        """See ``Mark``."""
        sides = np.array(self.node.GetSize())
        if sides.min() <= 0:
            return None
        pose = as_array(self.node.GetObjectToWorldMatrix())
        return _as_places(CORNERS * sides @ pose[:3, :3].T + pose[:3, 3])

    def put(self, where: Where | None, label: str) -> None:
        """See ``Mark``."""
        modifying = self.node.StartModify()
        try:
            self.node.SetAndObserveTransformNodeID(None)
            self.node.SetLocked(True)
            sides, pose = (np.zeros(3), np.eye(4)) if where is None else _sides_and_pose(where)
            self.node.SetSize(*sides.tolist())
            self.node.SetAndObserveObjectToNodeMatrix(as_matrix(pose))
            if self.node.GetDisplayNode() is None:
                self.node.CreateDefaultDisplayNodes()
            display = self.node.GetDisplayNode()
            display.SetFillVisibility(False)
            display.SetHandlesInteractive(False)
            display.SetPropertiesLabelVisibility(False)
            display.SetVisibility(where is not None)
        finally:
            self.node.EndModify(modifying)

    def let_move(self) -> None:
        """Let the user drag, stretch and turn it."""
        super().let_move()
        self.node.GetDisplayNode().SetHandlesInteractive(True)


def mark_of(node: slicer.vtkMRMLMarkupsNode) -> Mark:
    """A node of either kind as a mark."""
    kinds = {mark.kind: mark for mark in (PointMark, BoxMark)}
    return kinds[node.GetClassName()](node)


def _places_in(volume_node: slicer.vtkMRMLScalarVolumeNode, shares: NDArray[np.float64]) -> Where:
    """Places from their shares of a volume's sides, counted from its middle."""
    size = np.array(volume_node.GetImageData().GetDimensions())
    matrix = index_to_world(volume_node)
    return _as_places(((size - 1) / 2 + shares * size) @ matrix[:3, :3].T + matrix[:3, 3])


def _as_places(array: NDArray[np.float64]) -> Where:
    return tuple((x, y, z) for x, y, z in array.tolist())


def _sides_and_pose(corners: Where) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sides in mm, and the matrix from a box's own coordinates in mm to RAS."""
    edges = np.subtract([corners[4], corners[2], corners[1]], corners[0])
    sides = np.linalg.norm(edges, axis=1)
    return sides, box_pose(edges / sides[:, None], middle(corners))


def middle(where: Where) -> Point:
    """The place, or the centre of the box."""
    x, y, z = np.mean(where, axis=0).tolist()
    return (x, y, z)
