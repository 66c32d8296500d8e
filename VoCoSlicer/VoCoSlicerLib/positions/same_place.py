"""A place in one volume and the same place in another, as two points of the scene."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import slicer

from VoCoSlicerLib.positions.bases import Point
from VoCoSlicerLib.positions.colours import PREDICTED, TRUE
from VoCoSlicerLib.positions.group import NodeGroup
from VoCoSlicerLib.positions.points import show_points
from VoCoSlicerLib.positions.volume_state import VolumeState
from VoCoSlicerLib.scene.geometry import index_to_world
from VoCoSlicerLib.scene.texts import tr as _

HEAD_KIND, HEAD_PART = "vtkMRMLMarkupsFiducialNode", "source place"

SOURCE, TARGET = "VoCo.source", "VoCo.target"
"""References to the volumes."""

STATE = "VoCo.state"
"""Attribute of the head: how both volumes were, by reference."""

FOUND = "VoCo.found"


class SamePlace:
    """Two points in one folder "Same place in ..." of the subject hierarchy.

    A scene has one at most. The points lie in the world and do not follow their volumes. Without
    the user's point (``place_node``) the link is gone (``exists``).

    Nodes that the window needs (None while the scene has none):
        place_node: ``vtkMRMLMarkupsFiducialNode`` with one point, which the user drags; observe
            its ``vtkMRMLMarkupsNode.PointModifiedEvent``.
        found_node: The same in the other volume, locked; no point before the first answer.
    """

    def __init__(self, group: NodeGroup) -> None:
        """Use ``create`` or ``find_in_scene``."""
        self._group = group

    @classmethod
    def create(
        cls,
        source_node: slicer.vtkMRMLScalarVolumeNode,
        target_node: slicer.vtkMRMLScalarVolumeNode,
        place: Point | None = None,
    ) -> "SamePlace":
        """Link two volumes, in place of an earlier link of the scene.

        Args:
            source_node: The volume with the place.
            target_node: The volume that is searched.
            place: Where the point is put; by default in the middle of the source.

        Raises:
            VoCoSlicerError: A transform above a volume is not linear.
        """
        states = {
            role: VolumeState.of(node).to_text()
            for role, node in ((SOURCE, source_node), (TARGET, target_node))
        }
        earlier = cls.find_in_scene(source_node.GetScene())
        if earlier is not None:
            earlier.remove()
        group = NodeGroup.start(
            source_node,
            _("Same place in {volume}").format(volume=target_node.GetName()),
            HEAD_KIND,
            HEAD_PART,
            _("Place"),
        )
        group.head.SetNodeReferenceID(SOURCE, source_node.GetID())
        group.head.SetNodeReferenceID(TARGET, target_node.GetID())
        group.head.SetAttribute(STATE, json.dumps(states))
        show_points(group.head, {_("place"): place or _middle(source_node)})
        group.head.SetLocked(False)
        _draw(group.head, TRUE)
        link = cls(group)
        link._found_node()
        return link

    @classmethod
    def find_in_scene(cls, scene: slicer.vtkMRMLScene) -> "SamePlace | None":
        """The link of a scene, also of one that was saved and opened again."""
        head = next(NodeGroup.heads(scene, HEAD_KIND, HEAD_PART), None)
        return None if head is None else cls(NodeGroup(head))

    @property
    def exists(self) -> bool:
        """Whether the link is still in a scene."""
        return self._group.exists

    @property
    def source(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The volume with the place; None if it was removed."""
        return self._group.head.GetNodeReference(SOURCE) if self.exists else None

    @property
    def target(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The volume that is searched; None if it was removed."""
        return self._group.head.GetNodeReference(TARGET) if self.exists else None

    @property
    def place_node(self) -> slicer.vtkMRMLMarkupsFiducialNode | None:
        """See the class."""
        return self._group.head if self.exists else None

    @property
    def found_node(self) -> slicer.vtkMRMLMarkupsFiducialNode | None:
        """See the class."""
        return self._group.find("found")

    def stale(self) -> bool:
        """Whether a volume has moved, has changed or is gone since the link was made."""
        states = json.loads(self._group.head.GetAttribute(STATE))
        return not all(
            VolumeState.from_text(states[role]).is_of(node)
            for role, node in ((SOURCE, self.source), (TARGET, self.target))
        )

    def place(self) -> Point | None:
        """Where the user's point is now, RAS mm; None if it was deleted."""
        return _point_of(self.place_node)

    def set_found(self, found: Mapping[str, Any]) -> bool:
        """Show a found place: the second point moves there; ``text`` tells how similar it is.

        Args:
            found: One of the worker's answers to ``find``.

        Returns:
            False, with nothing changed, if the link is gone.
        """
        if not self.exists:
            return False
        self._group.head.SetAttribute(FOUND, json.dumps(dict(found)))
        show_points(self._found_node(), {_("same place"): found["place"]})
        return True

    def found(self) -> Point | None:
        """The found place, RAS mm; None before the first answer."""
        return _point_of(self.found_node)

    @property
    def similarity(self) -> float | None:
        """Cosine of the two crops at the last answer; None before the first."""
        text = self._group.head.GetAttribute(FOUND)
        return None if text is None else json.loads(text)["similarity"]

    @property
    def text(self) -> str:
        """The line about the last answer; empty before the first."""
        if self.similarity is None:
            return ""
        return _("Found with similarity {value}.").format(value=f"{self.similarity:.2f}")

    def remove(self) -> None:
        """Remove both points and the folder; nodes that the user put there stay."""
        self._group.remove()

    def _found_node(self) -> slicer.vtkMRMLMarkupsFiducialNode:
        node, is_new = self._group.find_or_add(
            "vtkMRMLMarkupsFiducialNode", "found", _("Same place")
        )
        if is_new:
            show_points(node, {})
            _draw(node, PREDICTED)
        return node


def _draw(node: slicer.vtkMRMLMarkupsFiducialNode, colour: tuple[float, float, float]) -> None:
    node.GetDisplayNode().SetSelectedColor(*colour)
    node.GetDisplayNode().SetColor(*colour)


def _point_of(node: slicer.vtkMRMLMarkupsFiducialNode | None) -> Point | None:
    if node is None or node.GetNumberOfDefinedControlPoints() == 0:
        return None
    x, y, z = node.GetNthControlPointPositionWorld(0)
    return (x, y, z)


def _middle(volume_node: slicer.vtkMRMLScalarVolumeNode) -> Point:
    """The centre of a volume."""
    last = np.array(volume_node.GetImageData().GetDimensions()) - 1
    x, y, z, _one = (index_to_world(volume_node) @ [*(last / 2), 1]).tolist()
    return (x, y, z)
