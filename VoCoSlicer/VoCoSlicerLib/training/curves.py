"""Live plots of a run: its records as tables and charts in the scene."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _
from vtk.util.numpy_support import numpy_to_vtk

from VoCoSlicerLib.training.job_files import LOGS
from VoCoSlicerLib.training.records import GrowingRecord

RUN, PART = "VoCo.run", "VoCo.curves"
"""Attributes of the nodes: which run they show, and what of it."""

COLOURS = (
    (0.12, 0.47, 0.71),
    (1.0, 0.5, 0.05),
    (0.17, 0.63, 0.17),
    (0.84, 0.15, 0.16),
    (0.58, 0.4, 0.74),
    (0.55, 0.34, 0.29),
    (0.89, 0.47, 0.76),
    (0.5, 0.5, 0.5),
    (0.74, 0.74, 0.13),
    (0.09, 0.75, 0.81),
)


@dataclass(frozen=True)
class Chart:
    """A plot of a run.

    Attributes:
        key: Its name in the scene's attributes.
        title: What people read.
        record: The file in the run's ``logs``, without the ending.
        columns: The columns that are drawn and what the legend calls them; None draws all but
            those that are no measure.
        is_share: Whether the values lie from 0 to 1.
    """

    key: str
    title: str
    record: str
    columns: Mapping[str, str] | None
    is_share: bool = False


NO_MEASURE = ("step", "seconds")


def charts_of(kind: str) -> tuple[Chart, ...]:
    """The plots of a kind of training, "pretrain" or "finetune"."""
    if kind == "pretrain":
        losses = {
            "loss": _("all"),
            "prediction": _("prediction"),
            "regularisation": _("regularisation"),
        }
        accuracy = {
            "top1": _("bases of the same volume"),
            "reference_top1": _("reference bases"),
            "untrained": _("untrained network"),
            "chance": _("chance"),
        }
        return (
            Chart("losses", _("Losses"), "training", losses),
            Chart("accuracy", _("Position accuracy"), "probe", accuracy, is_share=True),
        )
    return (
        Chart("losses", _("Losses"), "training", {"loss": _("loss")}),
        Chart("dice", _("Dice on the validation cases"), "validation", None, is_share=True),
    )


class Curves:
    """The plots of one run, which grow with it.

    The nodes are found again, also in a scene that was saved and loaded: no run has them twice.

    Args:
        scene: Where the nodes are.
        run: The run's folder.
        kind: "pretrain" or "finetune".
        title: What people call the run.
    """

    def __init__(self, scene: slicer.vtkMRMLScene, run: Path, kind: str, title: str) -> None:
        self.scene, self.run, self.title = scene, run, title
        self.charts = charts_of(kind)
        names = dict.fromkeys(chart.record for chart in self.charts)
        self._records = {name: GrowingRecord(run / LOGS / f"{name}.csv") for name in names}

    def update(self) -> bool:
        """Bring the plots up to date; return whether anything is new. Otherwise nothing is touched.

        Also makes the nodes that the scene does not have (any more).
        """
        new = {name: record.read() for name, record in self._records.items()}
        for chart in self.charts:
            self._update(chart, new[chart.record])
        return any(new.values())

    def chart_node(self, key: str) -> slicer.vtkMRMLPlotChartNode | None:
        """The chart of a key; None before the first ``update``."""
        return self._find("vtkMRMLPlotChartNode", key)

    def show(self, key: str, logic: Any) -> None:
        """Show a chart in the plot view, in a layout that has one.

        Args:
            key: Of the chart.
            logic: That of Slicer's module Plots.
        """
        chart = self.chart_node(key)
        if chart is not None:
            logic.ShowChartInLayout(chart)

    def _update(self, chart: Chart, is_new: bool) -> None:
        record = self._records[chart.record]
        chart_node = self._find("vtkMRMLPlotChartNode", chart.key) or self._new_chart(chart)
        table_node = self._find("vtkMRMLTableNode", chart.record)
        if table_node is None:
            table_node = self._new(
                "vtkMRMLTableNode", chart.record, f"{self.title}: {chart.record}"
            )
            is_new = True
        if is_new or _is_stale(table_node, record.columns):
            _fill(table_node, record.columns)
        for number, (column, legend) in enumerate(_drawn(chart, record.columns).items()):
            key = f"{chart.key}.{column}"
            series = self._find("vtkMRMLPlotSeriesNode", key)
            if series is None:
                series = self._new_series(key, legend, table_node, column, number)
            if not chart_node.HasPlotSeriesNodeID(series.GetID()):
                chart_node.AddAndObservePlotSeriesNodeID(series.GetID())

    def _new_chart(self, chart: Chart) -> slicer.vtkMRMLPlotChartNode:
        node = self._new("vtkMRMLPlotChartNode", chart.key, f"{self.title}: {chart.title}")
        node.SetTitle(f"{self.title}: {chart.title}")
        node.SetXAxisTitle(_("step"))
        node.SetYAxisTitle(chart.title)
        if chart.is_share:
            node.SetYAxisRangeAuto(False)
            node.SetYAxisRange(0.0, 1.0)
        return node

    def _new_series(
        self, key: str, legend: str, table: slicer.vtkMRMLTableNode, column: str, number: int
    ) -> slicer.vtkMRMLPlotSeriesNode:
        node = self._new("vtkMRMLPlotSeriesNode", key, legend)
        node.SetAndObserveTableNodeID(table.GetID())
        node.SetXColumnName("step")
        node.SetYColumnName(column)
        node.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
        node.SetMarkerStyle(slicer.vtkMRMLPlotSeriesNode.MarkerStyleNone)
        node.SetLineWidth(2)
        node.SetColor(*COLOURS[number % len(COLOURS)])
        return node

    def _new(self, kind: str, part: str, name: str) -> slicer.vtkMRMLNode:
        node = self.scene.CreateNodeByClass(kind)
        node.UnRegister(None)
        node.SetName(name)
        node.SetAttribute(RUN, str(self.run))
        node.SetAttribute(PART, part)
        return self.scene.AddNode(node)

    def _find(self, kind: str, part: str) -> slicer.vtkMRMLNode | None:
        nodes = self.scene.GetNodesByClass(kind)
        nodes.UnRegister(None)
        for node in nodes:
            if node.GetAttribute(RUN) == str(self.run) and node.GetAttribute(PART) == part:
                return node
        return None


def _drawn(chart: Chart, columns: Mapping[str, Sequence[float]]) -> dict[str, str]:
    """The columns that are drawn, and their names in the legend."""
    if chart.columns is None:
        names = {"mean": _("mean")}
        return {name: names.get(name, name) for name in columns if name not in NO_MEASURE}
    return {name: legend for name, legend in chart.columns.items() if name in columns}


def _is_stale(node: slicer.vtkMRMLTableNode, columns: Mapping[str, Sequence[float]]) -> bool:
    """Whether a table, for example one of a loaded scene, has other rows than the record."""
    rows = len(next(iter(columns.values()), ()))
    return bool(node.GetNumberOfRows() != rows)


def _fill(node: slicer.vtkMRMLTableNode, columns: Mapping[str, Sequence[float]]) -> None:
    """Give a table these columns, with one event."""
    table = vtk.vtkTable()
    for name, values in columns.items():
        array = numpy_to_vtk(np.asarray(values, dtype=np.float64), deep=True)
        array.SetName(name)
        table.AddColumn(array)
    node.SetAndObserveTable(table)
