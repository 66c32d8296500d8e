"""Plots that grow with a run: the right numbers, one set of nodes, no needless events."""

import os
from pathlib import Path

import pytest
import slicer
import vtk

from VoCoSlicerLib.training.curves import Curves
from VoCoSlicerLib.training.records import GrowingRecord, last_row, read_record

TRAINING = "step,seconds,loss,gradient_norm,learning_rate\n"
VALIDATION = "step,seconds,mean,liver,left kidney\n"
PROBE = "step,seconds,chance,untrained,top1,overlap_error,reference_top1\n"
PRETRAINING = "step,seconds,loss,prediction,regularisation,inter_volume\n"


@pytest.fixture
def run(tmp_path) -> Path:
    (tmp_path / "run" / "logs").mkdir(parents=True)
    return tmp_path / "run"


def write(run: Path, name: str, text: str, mode: str = "a") -> None:
    with (run / "logs" / f"{name}.csv").open(mode) as file:
        file.write(text)


def finetuning(scene, run: Path) -> Curves:
    return Curves(scene, run, "finetune", "Liver")


def nodes(scene, kind: str) -> list:
    every = (scene.GetNthNode(n) for n in range(scene.GetNumberOfNodes()))
    return [node for node in every if node.IsA(kind)]


def drawn(chart) -> dict[str, list[tuple[float, float]]]:
    """What a chart draws: the points of each series, by its name in the legend."""
    curves = {}
    for n in range(chart.GetNumberOfPlotSeriesNodes()):
        series = chart.GetNthPlotSeriesNode(n)
        table = series.GetTableNode().GetTable()
        x, y = (
            table.GetColumnByName(name)
            for name in (series.GetXColumnName(), series.GetYColumnName())
        )
        count = x.GetNumberOfValues()
        curves[series.GetName()] = [(x.GetValue(i), y.GetValue(i)) for i in range(count)]
    return curves


class Events:
    """How often nodes say that they were modified."""

    def __init__(self, *nodes) -> None:
        self.count = 0
        for node in nodes:
            node.AddObserver(vtk.vtkCommand.AnyEvent, self.note)

    def note(self, *_) -> None:
        self.count += 1


def test_a_finetuning_draws_loss_and_dice(scene, run):
    curves = finetuning(scene, run)
    assert curves.chart_node("losses") is None
    curves.update()  # before there is anything
    assert drawn(curves.chart_node("losses")) == {}
    write(run, "training", TRAINING + "1,0.5,0.9,1,0.1\n2,1,0.8,1,0.1\n")
    write(run, "validation", VALIDATION + "2,1,0.35,0.3,0.4\n")
    assert curves.update()
    assert drawn(curves.chart_node("losses")) == {"loss": [(1, 0.9), (2, 0.8)]}
    assert drawn(curves.chart_node("dice")) == {
        "mean": [(2, 0.35)],
        "liver": [(2, 0.3)],
        "left kidney": [(2, 0.4)],
    }
    assert curves.chart_node("dice").GetYAxisRange() == (0, 1)


def test_a_pretraining_draws_both_losses_and_the_accuracy(scene, run):
    write(run, "training", PRETRAINING + "10,1,3,2,1,0\n")
    write(run, "probe", PROBE + "0,1,0.25,0.2,0.2,0.1,0.3\n5,1,0.25,,0.5,0.1,0.6\n")
    curves = Curves(scene, run, "pretrain", "VoCo")
    curves.update()
    assert drawn(curves.chart_node("losses")) == {
        "all": [(10, 3)],
        "prediction": [(10, 2)],
        "regularisation": [(10, 1)],
    }
    accuracy = drawn(curves.chart_node("accuracy"))
    assert accuracy["bases of the same volume"] == [(0, 0.2), (5, 0.5)]
    assert accuracy["reference bases"] == [(0, 0.3), (5, 0.6)]
    assert accuracy["untrained network"][1][1] != accuracy["untrained network"][1][1]
    assert accuracy["chance"] == [(0, 0.25), (5, 0.25)]


def test_growing_makes_no_more_nodes_and_tells_the_chart(scene, run):
    write(run, "training", TRAINING + "1,0.5,0.9,1,0.1\n")
    curves = finetuning(scene, run)
    curves.update()
    count = scene.GetNumberOfNodes()
    chart, series = curves.chart_node("losses"), nodes(scene, "vtkMRMLPlotSeriesNode")
    told = Events(chart)
    write(run, "training", "2,1,0.8,1,0.1\n")
    assert curves.update()
    assert drawn(chart)["loss"] == [(1, 0.9), (2, 0.8)]
    assert told.count >= 1
    assert scene.GetNumberOfNodes() == count
    assert nodes(scene, "vtkMRMLPlotSeriesNode") == series


def test_nothing_new_touches_nothing(scene, run):
    write(run, "training", TRAINING + "1,0.5,0.9,1,0.1\n")
    write(run, "validation", VALIDATION + "2,1,0.35,0.3,0.4\n")
    curves = finetuning(scene, run)
    curves.update()
    plots = [
        node
        for kind in ("Table", "PlotSeries", "PlotChart")
        for node in nodes(scene, f"vtkMRML{kind}Node")
    ]
    events = Events(*plots)
    assert not curves.update()
    write(run, "training", "2,1,0.8")  # a row that is not whole yet
    assert not curves.update()
    assert events.count == 0
    write(run, "training", ",1,0.1\n")
    assert curves.update()
    assert drawn(curves.chart_node("losses"))["loss"][-1] == (2, 0.8)


def test_one_event_for_many_rows(scene, run):
    write(run, "training", TRAINING + "1,0.5,0.9,1,0.1\n")
    curves = finetuning(scene, run)
    curves.update()
    (table,) = (n for n in nodes(scene, "vtkMRMLTableNode") if n.GetNumberOfRows() == 1)
    events = []
    table.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: events.append(1))
    write(run, "training", "".join(f"{n},1,0.8,1,0.1\n" for n in range(2, 500)))
    curves.update()
    assert table.GetNumberOfRows() == 499
    assert len(events) <= 2


def test_a_resumed_run_draws_each_step_once(scene, run):
    write(run, "training", TRAINING + "".join(f"{n},1,{1 / n},1,1\n" for n in range(1, 6)))
    curves = finetuning(scene, run)
    curves.update()
    # what voco does: the rows after the checkpoint are dropped, in a new file
    part = run / "part"
    part.write_text(TRAINING + "1,1,1,1,1\n2,1,0.5,1,1\n3,1,9,1,1\n")
    os.replace(part, run / "logs" / "training.csv")
    assert curves.update()
    assert drawn(curves.chart_node("losses"))["loss"] == [(1, 1), (2, 0.5), (3, 9)]


def test_a_second_look_finds_the_nodes_again(scene, run, tmp_path):
    """Also in a scene that was saved and loaded; another run has nodes of its own."""
    write(run, "training", TRAINING + "1,0.5,0.9,1,0.1\n")
    write(run, "validation", VALIDATION + "2,1,0.35,0.3,0.4\n")
    finetuning(scene, run).update()
    count = scene.GetNumberOfNodes()
    write(run, "training", "2,1,0.8,1,0.1\n")
    again = finetuning(scene, run)
    again.update()
    assert scene.GetNumberOfNodes() == count
    assert len(drawn(again.chart_node("losses"))["loss"]) == 2
    scene.SetURL(str(tmp_path / "scene.mrml"))
    scene.Commit()
    loaded = slicer.vtkMRMLScene()
    loaded.SetURL(str(tmp_path / "scene.mrml"))
    loaded.Import()
    later = Curves(loaded, run, "finetune", "Liver")
    later.update()
    for kind in ("Table", "PlotSeries", "PlotChart"):
        assert len(nodes(loaded, f"vtkMRML{kind}Node")) == len(nodes(scene, f"vtkMRML{kind}Node"))
    assert len(drawn(later.chart_node("losses"))["loss"]) == 2
    finetuning(scene, tmp_path / "other").update()
    assert scene.GetNumberOfNodes() > count


def test_the_plot_view_shows_the_chart(scene, run):
    write(run, "training", TRAINING + "1,0.5,0.9,1,0.1\n")
    curves = finetuning(scene, run)
    curves.update()
    curves.show("losses", slicer.modules.plots.logic())
    selection = scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
    assert selection.GetActivePlotChartID() == curves.chart_node("losses").GetID()


def test_a_table_that_has_other_rows_is_filled_again(scene, run):
    """As in a scene that was saved earlier and is opened while the run goes on."""
    write(run, "training", TRAINING + "1,0.5,0.9,1,0.1\n")
    curves = finetuning(scene, run)
    curves.update()
    (table,) = (n for n in nodes(scene, "vtkMRMLTableNode") if n.GetNumberOfRows() == 1)
    table.SetAndObserveTable(vtk.vtkTable())
    curves.update()
    assert drawn(curves.chart_node("losses"))["loss"] == [(1, 0.9)]


def test_the_scene_is_closed_between(scene, run):
    write(run, "training", TRAINING + "1,0.5,0.9,1,0.1\n")
    curves = finetuning(scene, run)
    curves.update()
    scene.Clear(False)
    assert curves.chart_node("losses") is None
    curves.update()
    assert drawn(curves.chart_node("losses"))["loss"] == [(1, 0.9)]


def test_records_while_they_are_written(run):
    path = run / "logs" / "training.csv"
    assert read_record(path) == {}
    assert last_row(path) == {}
    record = GrowingRecord(path)
    assert not record.read()
    write(run, "training", "step,se")
    assert not record.columns
    record.read()
    assert record.columns == {}
    write(run, "training", "conds\n1,2\n2,\n3")
    assert record.read()
    assert record.columns["step"] == [1, 2]
    assert record.columns["seconds"][0] == 2
    assert record.columns["seconds"][1] != record.columns["seconds"][1]
    assert last_row(path)["step"] == 2
    write(run, "training", "".join(f"{n},{n}\n" for n in range(4, 4000)))
    assert last_row(path) == {"step": 3999, "seconds": 3999}
