"""Overlaps, a crop's result and similarities as tables and bars of the scene."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from VoCoSlicerLib.positions.colours import PREDICTED, TRUE
from VoCoSlicerLib.positions.group import NodeGroup
from VoCoSlicerLib.scene.texts import tr as _

BASE, TRUE_OVERLAP, PREDICTED_OVERLAP, DIFFERENCE = "base", "true", "predicted", "difference"
"""Columns of the table of overlaps."""


def fill_overlaps(node: slicer.vtkMRMLTableNode, crop: Mapping[str, Any]) -> None:
    """A row a base: its number, true overlap y, predicted overlap l and d = abs(y - l)."""
    columns = {
        BASE: np.arange(1, len(crop["overlaps"]) + 1),
        TRUE_OVERLAP: crop["overlaps"],
        PREDICTED_OVERLAP: crop["predicted"],
        DIFFERENCE: crop["differences"],
    }
    table = vtk.vtkTable()
    for name, values in columns.items():
        table.AddColumn(_numbers(name, values))
    node.SetAndObserveTable(table)


def fill_result(node: slicer.vtkMRMLTableNode, crop: Mapping[str, Any]) -> None:
    """What is said about the crop as a whole, a row each: what, value, unit."""
    rows: list[tuple[str, str, str]] = [
        ("L_pred", f"{crop['loss']:.4f}", ""),
        (_("predicted base"), str(crop["chosen"]), ""),
        (_("true base"), str(true_base(crop)), ""),
        (_("right"), _("yes") if crop["right"] else _("no"), ""),
        (_("distance"), _places([crop["distance"]]), "mm"),
        (_("centre of the crop"), _places(crop["centre"]), "RAS mm"),
        (_("predicted place"), _places(crop["place"]), "RAS mm"),
    ]
    table = vtk.vtkTable()
    for number, name in enumerate((_("measure"), _("value"), _("unit"))):
        column = vtk.vtkStringArray()
        column.SetName(name)
        for row in rows:
            column.InsertNextValue(row[number])
        table.AddColumn(column)
    node.SetAndObserveTable(table)


def fill_similarity(node: slicer.vtkMRMLTableNode, rows: Sequence[Sequence[float]]) -> None:
    """The matrix s_ij, a column and a row a base."""
    table = vtk.vtkTable()
    for number, values in enumerate(np.transpose(rows), 1):
        table.AddColumn(_numbers(str(number), values))
    node.SetAndObserveTable(table)


def similarity_rows(node: slicer.vtkMRMLTableNode) -> list[list[float]]:
    """The matrix of ``fill_similarity``, row by row."""
    table = node.GetTable()
    columns = [vtk_to_numpy(table.GetColumn(n)) for n in range(table.GetNumberOfColumns())]
    return np.transpose(columns).tolist()


def true_base(crop: Mapping[str, Any]) -> int:
    """The number, from 1, of the base that a crop overlaps most."""
    return int(np.argmax(crop["overlaps"])) + 1


def draw_bars(
    group: NodeGroup, table: slicer.vtkMRMLTableNode, title: str
) -> slicer.vtkMRMLPlotChartNode:
    """The chart of both overlaps, two bars a base; made where the scene has none."""
    chart, is_new = group.find_or_add("vtkMRMLPlotChartNode", "chart", _("Overlaps"))
    if is_new:
        chart.SetTitle(title)
        chart.SetXAxisTitle(_("base"))
        chart.SetYAxisTitle(_("overlap"))
        chart.SetYAxisRangeAuto(False)
        chart.SetYAxisRange(0.0, 1.0)
    for column, legend, colour in (
        (TRUE_OVERLAP, _("true overlap"), TRUE),
        (PREDICTED_OVERLAP, _("predicted overlap"), PREDICTED),
    ):
        series, is_new = group.find_or_add("vtkMRMLPlotSeriesNode", f"{column} bars", legend)
        if is_new:
            # bars at the number of the base: Slicer counts other bars from 0
            series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatterBar)
            series.SetXColumnName(BASE)
            series.SetYColumnName(column)
            series.SetColor(*colour)
        series.SetAndObserveTableNodeID(table.GetID())
        if not chart.HasPlotSeriesNodeID(series.GetID()):
            chart.AddAndObservePlotSeriesNodeID(series.GetID())
    return chart


def _numbers(name: str, values: Any) -> vtk.vtkDataArray:
    array = np.asarray(values)
    kind = np.int32 if array.dtype.kind == "i" else np.float64
    column = numpy_to_vtk(np.ascontiguousarray(array, kind), deep=True)
    column.SetName(name)
    return column


def _places(values: Sequence[float | None] | None) -> str:
    if values is None or None in values:
        return _("none")
    return ", ".join(f"{value:.1f}" for value in values)
