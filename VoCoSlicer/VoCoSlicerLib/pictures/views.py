"""A picture of a segmented volume: three slices with the structures, and their surfaces."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import slicer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from VoCoSlicerLib.pictures.anatomical_views import AXIAL, CORONAL, SAGITTAL, AnatomicalView, Slice
from VoCoSlicerLib.pictures.bounds import crossing_point, enclose, surface_boxes
from VoCoSlicerLib.pictures.surfaces import draw_from_front
from VoCoSlicerLib.scene.geometry import volume_bounds
from VoCoSlicerLib.scene.labelmaps import segment_volumes, segments
from VoCoSlicerLib.scene.nodes import FILL_OPACITY

# All sizes in pixels.
WIDTH, HEIGHT = 1600, 1200
EDGE, GAP = 24, 12
LEGEND_WIDTH = 330
PANEL_WIDTH = (WIDTH - 2 * EDGE - LEGEND_WIDTH - 2 * GAP) / 2
PANEL_HEIGHT = (HEIGHT - 2 * EDGE - GAP) / 2
INSET = 14
LEGEND_ROW = 34

PAGE, PANEL, LINE, TEXT, FAINT = "#15181d", "#000000", "#2c3138", "#e8eaed", "#9aa0a8"


def render_views(
    volume_node: slicer.vtkMRMLScalarVolumeNode,
    segmentation_node: slicer.vtkMRMLSegmentationNode,
    path: str | Path,
) -> None:
    """Draw a segmented volume to a PNG file, without a display or a graphics library.

    Four panels placed as in Slicer's Four-Up layout: axial slice, surfaces from the front,
    coronal slice, sagittal slice, with a legend beside them. The slices lie where they
    cross the most structures. The patient's right, or front, is on the left.

    Args:
        volume_node: the volume, drawn with the window and level of its display.
        segmentation_node: its segmentation, with closed surfaces.
        path: the PNG file, overwritten if it exists.

    Raises:
        OSError: the file cannot be written.
    """
    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100, facecolor=PAGE)
    bounds = volume_bounds(volume_node)
    boxes = surface_boxes(segmentation_node)
    if len(boxes) == 0:
        boxes = bounds[None]
    center, structures = crossing_point(boxes), enclose(boxes)
    for view, column, row in ((AXIAL, 0, 0), (CORONAL, 0, 1), (SAGITTAL, 1, 1)):
        plane = Slice(view, bounds, center[view.depth], pixel=1.0).cropped_to_visible(volume_node)
        panel = _add_panel(figure, column, row)
        plane = replace(plane, pixel=_fit(panel, view, plane.bounds))
        _draw_slice(panel, plane, volume_node, segmentation_node)
        _letter(panel, view, view.name, _position(plane))
    panel = _add_panel(figure, 1, 0)
    pixel = _fit(panel, CORONAL, structures)
    picture = draw_from_front(segmentation_node, structures, pixel / 2)
    panel.imshow(picture, extent=_extent(CORONAL, structures), origin="lower", aspect="auto")
    _letter(panel, CORONAL, "3-D", "from the front")
    _draw_legend(figure, segmentation_node)
    figure.savefig(path, format="png")


def _add_panel(figure: Figure, column: int, row: int) -> Axes:
    left = EDGE + column * (PANEL_WIDTH + GAP)
    bottom = EDGE + (1 - row) * (PANEL_HEIGHT + GAP)
    panel = figure.add_axes(
        (left / WIDTH, bottom / HEIGHT, PANEL_WIDTH / WIDTH, PANEL_HEIGHT / HEIGHT),
        facecolor=PANEL,
        xticks=[],
        yticks=[],
    )
    panel.spines[:].set_color(LINE)
    return panel


def _fit(panel: Axes, view: AnatomicalView, bounds: NDArray[np.float64]) -> float:
    """Fit a box between the letters of the panel; returns the side of a pixel in mm."""
    margin = 3 * INSET
    size, center = np.ptp(bounds, axis=0), bounds.mean(axis=0)
    pixel = max(
        size[view.across] / (PANEL_WIDTH - 2 * margin),
        size[view.upward] / (PANEL_HEIGHT - 2 * margin),
    )
    half_width, half_height = pixel * PANEL_WIDTH / 2, pixel * PANEL_HEIGHT / 2
    panel.set_autoscale_on(False)
    panel.set_xlim(center[view.across] + half_width, center[view.across] - half_width)
    panel.set_ylim(center[view.upward] - half_height, center[view.upward] + half_height)
    _draw_scale(panel, pixel)
    return float(pixel)


def _draw_scale(panel: Axes, pixel: float) -> None:
    longest = pixel * PANEL_WIDTH / 4
    length = 10.0 ** np.floor(np.log10(longest))
    length *= max(factor for factor in (1, 2, 5) if factor * length <= longest)
    right, y = 1 - INSET / PANEL_WIDTH, INSET / PANEL_HEIGHT
    left = right - length / pixel / PANEL_WIDTH
    panel.plot([left, right], [y, y], color=FAINT, linewidth=2, transform=panel.transAxes)
    panel.text(
        (left + right) / 2,
        y + 8 / PANEL_HEIGHT,
        f"{length:g} mm",
        transform=panel.transAxes,
        color=FAINT,
        fontsize=10,
        ha="center",
        va="bottom",
    )


def _letter(panel: Axes, view: AnatomicalView, title: str, detail: str) -> None:
    left, right, top, bottom = view.edges
    x, y = INSET / PANEL_WIDTH, INSET / PANEL_HEIGHT
    for text, color, at_x, at_y, ha, va in (
        (title, TEXT, x, 1 - y, "left", "top"),
        (detail, FAINT, 1 - x, 1 - y, "right", "top"),
        (left, TEXT, x, 0.5, "left", "center"),
        (right, TEXT, 1 - x, 0.5, "right", "center"),
        (top, TEXT, 0.5, 1 - y, "center", "top"),
        (bottom, TEXT, 0.5, y, "center", "bottom"),
    ):
        panel.text(
            at_x, at_y, text, color=color, ha=ha, va=va, fontsize=12, transform=panel.transAxes
        )


def _position(plane: Slice) -> str:
    letter = ("RAS" if plane.position >= 0 else "LPI")[plane.view.depth]
    return f"{letter} {abs(plane.position):.0f} mm"


def _extent(view: AnatomicalView, bounds: NDArray[np.float64]) -> tuple[float, float, float, float]:
    (left, right), (bottom, top) = bounds[:, view.across], bounds[:, view.upward]
    return left, right, bottom, top


def _draw_slice(
    panel: Axes,
    plane: Slice,
    volume_node: slicer.vtkMRMLScalarVolumeNode,
    segmentation_node: slicer.vtkMRMLSegmentationNode,
) -> None:
    extent = _extent(plane.view, plane.bounds)
    display_node = volume_node.GetDisplayNode()
    panel.imshow(
        plane.sample_volume(volume_node),
        cmap="gray",
        vmin=display_node.GetWindowLevelMin(),
        vmax=display_node.GetWindowLevelMax(),
        extent=extent,
        origin="lower",
        aspect="auto",
    )
    for segment in segments(segmentation_node):
        covered = plane.sample_segment(segment)
        if covered.max() <= 0.5:
            continue
        colors, levels = [segment.GetColor()], [0.5, 2.0]
        panel.contourf(
            covered, levels, colors=colors, alpha=FILL_OPACITY, extent=extent, origin="lower"
        )
        panel.contour(covered, levels, colors=colors, linewidths=1.5, extent=extent, origin="lower")


def _draw_legend(figure: Figure, segmentation_node: slicer.vtkMRMLSegmentationNode) -> None:
    left = EDGE + 2 * (PANEL_WIDTH + GAP)
    height = HEIGHT - 2 * EDGE
    legend = figure.add_axes(
        (left / WIDTH, EDGE / HEIGHT, LEGEND_WIDTH / WIDTH, height / HEIGHT),
        xlim=(0, LEGEND_WIDTH),
        ylim=(height, 0),
    )
    legend.set_axis_off()
    volumes = segment_volumes(segmentation_node)
    row = min(LEGEND_ROW, height / max(len(volumes), 1))
    size = 12 * row / LEGEND_ROW
    swatch = row / 2
    for n, segment in enumerate(segments(segmentation_node)):
        y = (n + 0.5) * row
        legend.add_patch(
            Rectangle((INSET, y - swatch / 2), swatch, swatch, facecolor=segment.GetColor())
        )
        name = segment.GetName()
        legend.text(INSET + 1.6 * swatch, y, name, color=TEXT, fontsize=size, va="center_baseline")
        legend.text(
            LEGEND_WIDTH,
            y,
            f"{volumes[name]:.1f} ml",
            color=FAINT,
            fontsize=size,
            ha="right",
            va="center_baseline",
        )
