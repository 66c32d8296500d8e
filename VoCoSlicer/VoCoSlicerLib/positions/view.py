"""The contextual positions of a volume: bases, a crop, and what the network says, as nodes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk

from VoCoSlicerLib.positions.bases import OVERLAP, Bases, Point, colour_boxes
from VoCoSlicerLib.positions.colours import NUMBER, PREDICTED, TRUE, fill_bases, fill_shares
from VoCoSlicerLib.positions.group import NodeGroup
from VoCoSlicerLib.positions.heat_map import fill_volume, read_sweep, show_bases, show_errors
from VoCoSlicerLib.positions.overlaps import (
    draw_bars,
    fill_overlaps,
    fill_result,
    fill_similarity,
    similarity_rows,
    true_base,
)
from VoCoSlicerLib.positions.points import show_points
from VoCoSlicerLib.positions.volume_state import VolumeState
from VoCoSlicerLib.scene.geometry import as_array, as_matrix
from VoCoSlicerLib.scene.texts import tr as _

HEAD_KIND, HEAD_PART = "vtkMRMLModelNode", "grid"

VOLUME = "VoCo.volume"
"""Reference to the volume."""

MODEL, BASES, NOTES = "VoCo.model", "VoCo.bases", "VoCo.notes"
STATE, CROP, REGULARISATION = "VoCo.state", "VoCo.crop", "VoCo.regularisation"
"""Attributes of the head."""

__all__ = ["Point", "PositionView"]

LINE = 2
"""Width of the drawn lines in pixels."""


class PositionView:
    """All nodes about one volume, in one folder "Positions of CT" of the subject hierarchy.

    A volume has one view at most. Its nodes lie in the world and do not follow the volume:
    ``stale`` says when they no longer fit. Nodes that a user deletes are made anew when they are
    needed; without the base grid (``grid_node``) the view is gone (``exists``).

    Nodes that the window needs:
        grid_node: ``vtkMRMLModelNode``, the boxes of the bases.
        numbers_node: ``vtkMRMLMarkupsFiducialNode``, their numbers.
        crop_node: ``vtkMRMLMarkupsROINode`` that the user drags; observe its
            ``vtkMRMLMarkupsNode.PointModifiedEvent``.
        place_node: ``vtkMRMLMarkupsFiducialNode`` with the predicted place (no point where there
            is none).
        overlap_table, crop_table, similarity_table: ``vtkMRMLTableNode``.
        chart_node: ``vtkMRMLPlotChartNode`` of the bars.
        chosen_node: ``vtkMRMLLabelMapVolumeNode`` of a sweep, base numbers.
        errors_node: ``vtkMRMLScalarVolumeNode`` of a sweep, mm.

    Each is None while the scene has none.
    """

    def __init__(self, group: NodeGroup) -> None:
        """Use ``create``, ``of`` or ``find_in_scene``."""
        self._group = group

    @classmethod
    def create(
        cls,
        volume_node: slicer.vtkMRMLScalarVolumeNode,
        model: str,
        report: Mapping[str, Any],
        as_asked: VolumeState | None = None,
    ) -> "PositionView":
        """Show the bases of a volume, in place of an earlier view of it.

        The crop box stays where an earlier view had it; otherwise it is put at the report's first
        crop, and without one in the middle of the grid. A crop of the report is shown.

        Args:
            volume_node: In a scene.
            model: The key of the model.
            report: The worker's answer to ``positions``.
            as_asked: How the volume was when the worker was asked; by default as it is now. The
                view of a volume that has moved since is ``stale`` from the start.

        Raises:
            VoCoSlicerError: A transform above the volume is not linear.
        """
        bases = Bases.of_report(report["bases"])
        state = as_asked or VolumeState.of(volume_node)
        earlier = cls.of(volume_node)
        centre = None
        if earlier is not None:
            centre = earlier.crop_centre()
            earlier.remove()
        group = NodeGroup.start(
            volume_node,
            _("Positions of {volume}").format(volume=volume_node.GetName()),
            HEAD_KIND,
            HEAD_PART,
            _("Bases"),
        )
        group.head.SetNodeReferenceID(VOLUME, volume_node.GetID())
        for key, value in {
            MODEL: model,
            BASES: bases.to_text(),
            NOTES: json.dumps(report["notes"]),
            STATE: state.to_text(),
            REGULARISATION: repr(report["bases"]["regularisation"]),
        }.items():
            group.head.SetAttribute(key, value)
        view = cls(group)
        view._draw_grid()
        view._draw_numbers()
        table = group.add("vtkMRMLTableNode", "similarity", _("Similarity of bases"))
        fill_similarity(table, report["bases"]["similarity"])
        if centre is None and report["crops"]:
            centre = report["crops"][0]["asked"]
        view.place_crop(centre)
        view.show_crop(report)
        return view

    @classmethod
    def of(cls, volume_node: slicer.vtkMRMLScalarVolumeNode | None) -> "PositionView | None":
        """The view of a volume; None where it has none."""
        if volume_node is None or volume_node.GetScene() is None:
            return None
        views = cls.find_in_scene(volume_node.GetScene())
        return next((view for view in views if view.volume is volume_node), None)

    @classmethod
    def find_in_scene(cls, scene: slicer.vtkMRMLScene) -> list["PositionView"]:
        """All views of a scene, also of one that was saved and opened again."""
        return [cls(NodeGroup(head)) for head in NodeGroup.heads(scene, HEAD_KIND, HEAD_PART)]

    # What the view is about.

    @property
    def exists(self) -> bool:
        """Whether the view is still in a scene: False once it, or the scene, was closed."""
        return self._group.exists

    @property
    def volume(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The volume; None if it was removed from the scene."""
        return self._group.head.GetNodeReference(VOLUME) if self.exists else None

    @property
    def model(self) -> str:
        """The key of the model."""
        return self._group.head.GetAttribute(MODEL)

    @property
    def bases(self) -> Bases:
        """Where the bases lie."""
        return Bases.from_text(self._group.head.GetAttribute(BASES))

    @property
    def counts(self) -> tuple[int, int, int]:
        """Bases along x, y, z."""
        return self.bases.counts

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences of the report that a reader should see."""
        return tuple(json.loads(self._group.head.GetAttribute(NOTES)))

    @property
    def regularisation(self) -> float:
        """L_reg, the mean of abs(s_ij) over pairs of different bases."""
        return float(self._group.head.GetAttribute(REGULARISATION))

    @property
    def crop(self) -> Mapping[str, Any] | None:
        """The crop shown last, as in ``report["crops"]``; None before the first."""
        text = self._group.head.GetAttribute(CROP)
        return None if text is None else json.loads(text)

    @property
    def text(self) -> str:
        """The line about the crop shown last; empty before the first."""
        crop = self.crop
        return "" if crop is None else _line(crop, self.bases)

    def stale(self) -> bool:
        """Whether the volume has moved, has changed or is gone since the view was made."""
        state = VolumeState.from_text(self._group.head.GetAttribute(STATE))
        return not state.is_of(self.volume)

    # Its nodes.

    @property
    def grid_node(self) -> slicer.vtkMRMLModelNode | None:
        """See the class."""
        return self._group.head if self.exists else None

    @property
    def numbers_node(self) -> slicer.vtkMRMLMarkupsFiducialNode | None:
        """See the class."""
        return self._group.find("numbers")

    @property
    def crop_node(self) -> slicer.vtkMRMLMarkupsROINode | None:
        """See the class."""
        return self._group.find("crop")

    @property
    def place_node(self) -> slicer.vtkMRMLMarkupsFiducialNode | None:
        """See the class."""
        return self._group.find("place")

    @property
    def overlap_table(self) -> slicer.vtkMRMLTableNode | None:
        """See the class."""
        return self._group.find("overlaps")

    @property
    def crop_table(self) -> slicer.vtkMRMLTableNode | None:
        """See the class."""
        return self._group.find("result")

    @property
    def similarity_table(self) -> slicer.vtkMRMLTableNode | None:
        """See the class."""
        return self._group.find("similarity")

    @property
    def chart_node(self) -> slicer.vtkMRMLPlotChartNode | None:
        """See the class."""
        return self._group.find("chart")

    @property
    def chosen_node(self) -> slicer.vtkMRMLLabelMapVolumeNode | None:
        """See the class."""
        return self._group.find("chosen")

    @property
    def errors_node(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """See the class."""
        return self._group.find("errors")

    # What changes.

    def crop_centre(self) -> Point | None:
        """The centre of the crop box now; None if the user deleted the box."""
        node = self.crop_node
        if node is None:
            return None
        x, y, z = as_array(node.GetObjectToWorldMatrix())[:3, 3].tolist()
        return (x, y, z)

    def place_crop(self, centre: Point | None = None) -> None:
        """Put the crop box somewhere, by default in the middle of the grid; make it if absent."""
        bases = self.bases
        node, is_new = self._group.find_or_add("vtkMRMLMarkupsROINode", "crop", _("Crop"))
        node.SetSize(*bases.size)
        node.SetAndObserveTransformNodeID(None)
        node.SetAndObserveObjectToNodeMatrix(as_matrix(bases.pose(centre or bases.middle())))
        if is_new:
            _draw_crop(node)

    def show_crop(self, report: Mapping[str, Any]) -> bool:
        """Show what a report says about its first crop; the crop box stays where it is.

        The colours of the grid, both tables, the bars, the predicted place and ``text`` are
        brought up to date. A crop box that was resized or turned gets a base's sides and axes
        again.

        Returns:
            False, with nothing changed, if the report has no crop or is about other bases, or the
            view is gone.
        """
        if not self.exists or not report["crops"]:
            return False
        bases = self.bases
        if Bases.of_report(report["bases"]) != bases:
            return False
        crop = report["crops"][0]
        self._group.head.SetAttribute(CROP, json.dumps(crop))
        self._keep_crop_a_base(bases)
        display = self._group.head.GetDisplayNode()
        colour_boxes(self._group.head.GetPolyData(), crop["predicted"])
        display.SetScalarVisibility(True)
        overlaps, _new = self._group.find_or_add("vtkMRMLTableNode", "overlaps", _("Overlaps"))
        fill_overlaps(overlaps, crop)
        result, _new = self._group.find_or_add("vtkMRMLTableNode", "result", _("Crop"))
        fill_result(result, crop)
        draw_bars(self._group, overlaps, _("Overlaps of the crop with the bases"))
        place, is_new = self._group.find_or_add(
            "vtkMRMLMarkupsFiducialNode", "place", _("Predicted place")
        )
        show_points(place, {} if crop["place"] is None else {_("predicted"): crop["place"]})
        if is_new:
            _draw_place(place)
        return True

    def show_sweep(self, chosen: str | Path, errors: str | Path) -> None:
        """Put the images of a sweep into the folder, in place of earlier ones.

        Args:
            chosen: NRRD file with the number of the predicted base.
            errors: NRRD file with the distance in mm; no number where no place is predicted.

        Raises:
            VoCoSlicerError: A file cannot be read; earlier images stay.
        """
        bases, distances = read_sweep(chosen, errors)
        colours, is_new = self._group.find_or_add(
            "vtkMRMLColorTableNode", "base colours", _("Base colours")
        )
        if is_new:
            fill_bases(colours, len(self.bases.centres))
        label_map, _new = self._group.find_or_add(
            "vtkMRMLLabelMapVolumeNode", "chosen", _("Predicted base")
        )
        fill_volume(label_map, bases)
        show_bases(label_map, colours)
        volume, _new = self._group.find_or_add(
            "vtkMRMLScalarVolumeNode", "errors", _("Distance of the predicted place (mm)")
        )
        fill_volume(volume, distances)
        show_errors(volume, self._share_colours())

    def similarity_rows(self) -> list[list[float]]:
        """The similarity matrix of the bases, row by row, from the table node; [] without it."""
        node = self.similarity_table
        return [] if node is None else similarity_rows(node)

    def show(self, on: bool) -> None:
        """Show or hide the boxes, their numbers, the crop box and the predicted place."""
        for node in (self.grid_node, self.numbers_node, self.crop_node, self.place_node):
            if node is not None and node.GetDisplayNode() is not None:
                node.GetDisplayNode().SetVisibility(on)

    def remove(self) -> None:
        """Remove all nodes of the view and the folder; nodes that the user put there stay."""
        self._group.remove()

    # How it is drawn.

    def _share_colours(self) -> slicer.vtkMRMLColorTableNode:
        node, is_new = self._group.find_or_add(
            "vtkMRMLColorTableNode", "share colours", _("Overlap colours")
        )
        if is_new:
            fill_shares(node)
        return node

    def _draw_grid(self) -> None:
        node = self._group.head
        node.SetAndObservePolyData(self.bases.boxes())
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetRepresentation(display.WireframeRepresentation)
        display.SetLighting(False)
        display.SetLineWidth(LINE)
        display.SetColor(*TRUE)
        display.SetVisibility2D(True)
        display.SetSliceIntersectionThickness(LINE)
        display.SetAndObserveColorNodeID(self._share_colours().GetID())
        display.SetActiveScalar(OVERLAP, vtk.vtkAssignAttribute.CELL_DATA)
        display.SetScalarRangeFlag(display.UseManualScalarRange)
        display.SetScalarRange(0.0, 1.0)
        display.SetScalarVisibility(False)  # until a crop is shown

    def _draw_numbers(self) -> None:
        node = self._group.add("vtkMRMLMarkupsFiducialNode", "numbers", _("Base numbers"))
        show_points(node, {str(n): place for n, place in enumerate(self.bases.number_places(), 1)})
        display = node.GetDisplayNode()
        display.SetSelectedColor(*NUMBER)
        display.SetColor(*NUMBER)
        display.SetGlyphScale(1.0)
        display.SetTextScale(4.0)
        display.SetSliceProjection(True)
        display.SetSliceProjectionUseFiducialColor(True)
        display.SetSliceProjectionOpacity(1.0)

    def _keep_crop_a_base(self, bases: Bases) -> None:
        node, centre = self.crop_node, self.crop_centre()
        if node is None or centre is None:
            return
        pose = as_array(node.GetObjectToWorldMatrix())
        if not (np.allclose(node.GetSize(), bases.size) and np.allclose(pose, bases.pose(centre))):
            self.place_crop(centre)


def _draw_crop(node: slicer.vtkMRMLMarkupsROINode) -> None:
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetFillVisibility(False)
    display.SetHandlesInteractive(True)
    display.SetTranslationHandleVisibility(True)
    display.SetRotationHandleVisibility(False)
    display.SetScaleHandleVisibility(False)
    display.SetPropertiesLabelVisibility(False)
    display.SetSelectedColor(1.0, 1.0, 1.0)
    display.SetColor(1.0, 1.0, 1.0)


def _draw_place(node: slicer.vtkMRMLMarkupsFiducialNode) -> None:
    display = node.GetDisplayNode()
    display.SetSelectedColor(*PREDICTED)
    display.SetColor(*PREDICTED)
    display.SetSliceProjection(True)
    display.SetSliceProjectionUseFiducialColor(True)


def _line(crop: Mapping[str, Any], bases: Bases) -> str:
    if crop["right"]:
        base = _("Predicted base {n}, which is right").format(n=crop["chosen"])
    else:
        base = _("Predicted base {n} instead of {true}").format(
            n=crop["chosen"], true=true_base(crop)
        )
    if crop["distance"] is None:
        off = _("no place predicted")
    else:
        off = _("{mm} mm off").format(mm=f"{crop['distance']:.0f}")
    line = f"{base}; {off}; L_pred {crop['loss']:.3f}."
    moved = float(np.linalg.norm(np.subtract(crop["asked"], crop["centre"])))
    voxel = np.array(bases.size) / bases.voxels
    if moved > np.linalg.norm(voxel):
        line += " " + _("The crop was moved by {mm} mm: it must lie inside the grid.").format(
            mm=f"{moved:.0f}"
        )
    return line
