"""A place in one volume and the same place in another, as two points or boxes of the scene."""

import json
from collections.abc import Mapping
from typing import Any

import slicer

from VoCoSlicerLib.positions.bases import Point, Where
from VoCoSlicerLib.positions.colours import PREDICTED, TRUE
from VoCoSlicerLib.positions.group import NodeGroup
from VoCoSlicerLib.positions.marks import BoxMark, Mark, PointMark, mark_of, middle
from VoCoSlicerLib.positions.volume_state import VolumeState
from VoCoSlicerLib.scene.texts import tr as _

HEAD_PART = "source place"

SOURCE, TARGET = "VoCo.source", "VoCo.target"
"""References to the volumes."""

STATE = "VoCo.state"
"""Attribute of the head: how both volumes were, by reference."""

FOUND = "VoCo.found"


class SamePlace:
    """Two marks in one folder "Same place in ..." of the subject hierarchy: points, or boxes.

    A scene has one link at most. The marks lie in the world and do not follow their volumes.
    Without the user's mark (``place_node``) the link is gone (``exists``).

    Nodes that the window needs (None while the scene has none):
        place_node: ``vtkMRMLMarkupsFiducialNode`` with one point, or ``vtkMRMLMarkupsROINode``,
            which the user drags; observe its ``vtkMRMLMarkupsNode.PointModifiedEvent``.
        found_node: The same in the other volume, locked; placed nowhere before the first answer.
    """

    def __init__(self, group: NodeGroup) -> None:
        """Use ``create`` or ``find_in_scene``."""
        self._group = group

    @classmethod
    def create(
        cls,
        source_node: slicer.vtkMRMLScalarVolumeNode,
        target_node: slicer.vtkMRMLScalarVolumeNode,
        where: Where | None = None,
        *,
        mark: type[PointMark | BoxMark] = PointMark,
    ) -> "SamePlace":
        """Link two volumes, in place of an earlier link of the scene.

        Args:
            source_node: The volume with the place.
            target_node: The volume that is searched.
            where: Where the mark is put; by default in the middle of the source.
            mark: What the place is marked with.

        Raises:
            VoCoSlicerError: A transform above a volume is not linear.
        """
        states = {
            role: VolumeState.of(node).to_text()
            for role, node in ((SOURCE, source_node), (TARGET, target_node))
        }
        if where is None:
            where = mark.inside(source_node)
        earlier = cls.find_in_scene(source_node.GetScene())
        if earlier is not None:
            earlier.remove()
        group = NodeGroup.start(
            source_node,
            _("Same place in {volume}").format(volume=target_node.GetName()),
            mark.kind,
            HEAD_PART,
            _("Place"),
        )
        group.head.SetNodeReferenceID(SOURCE, source_node.GetID())
        group.head.SetNodeReferenceID(TARGET, target_node.GetID())
        group.head.SetAttribute(STATE, json.dumps(states))
        link = cls(group)
        own = mark(group.head)
        own.put(where, _("place"))
        own.colour(TRUE)
        own.let_move()
        link._found_mark()
        return link

    @classmethod
    def find_in_scene(cls, scene: slicer.vtkMRMLScene) -> "SamePlace | None":
        """The link of a scene, also of one that was saved and opened again."""
        for mark in (PointMark, BoxMark):
            for head in NodeGroup.heads(scene, mark.kind, HEAD_PART):
                return cls(NodeGroup(head))
        return None

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
    def place_node(self) -> slicer.vtkMRMLMarkupsNode | None:
        """See the class."""
        return self._group.head if self.exists else None

    @property
    def found_node(self) -> slicer.vtkMRMLMarkupsNode | None:
        """See the class."""
        return self._group.find("found")

    def stale(self) -> bool:
        """Whether a volume has moved, has changed or is gone since the link was made."""
        states = json.loads(self._group.head.GetAttribute(STATE))
        return not all(
            VolumeState.from_text(states[role]).is_of(node)
            for role, node in ((SOURCE, self.source), (TARGET, self.target))
        )

    def where(self) -> Where | None:
        """Where the user's mark is now; None if it was deleted or emptied."""
        return mark_of(self._group.head).where() if self.exists else None

    def place(self) -> Point | None:
        """The user's point, or the centre of her box, RAS mm; None if it was deleted."""
        return _middle_or_none(self.where())

    def question(self, where: Where) -> dict[str, Any]:
        """The params of the worker's ``find`` that ask about a place."""
        return mark_of(self._group.head).question(where)

    def set_found(self, found: Mapping[str, Any]) -> bool:
        """Show a found place: the second mark moves there; ``text`` tells how similar it is.

        Args:
            found: One of the worker's answers to ``find``.

        Returns:
            False, with nothing changed, if the link is gone.
        """
        if not self.exists:
            return False
        self._group.head.SetAttribute(FOUND, json.dumps(dict(found)))
        mark = self._found_mark()
        mark.put(mark.answer(found), _("same place"))
        return True

    def found(self) -> Point | None:
        """The found place, or the centre of the box, RAS mm; None before the first answer."""
        node = self.found_node
        return None if node is None else _middle_or_none(mark_of(node).where())

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

    def _found_mark(self) -> Mark:
        kind = self._group.head.GetClassName()
        node, is_new = self._group.find_or_add(kind, "found", _("Same place"))
        mark = mark_of(node)
        if is_new:
            mark.put(None, "")
            mark.colour(PREDICTED)
        return mark


def _middle_or_none(where: Where | None) -> Point | None:
    return None if where is None else middle(where)
