"""What a user sees of a crop: colours, tables, bars, a place, a line; the box stays theirs."""

import time

import numpy as np
import pytest
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from Testing.slicer.positions.volumes import (
    made_up_report,
    open_as_the_worker,
    report_of,
    volume_of,
)
from Testing.slicer.scene.scenes import OBLIQUE, add_transform, add_volume, affine, put_under
from VoCoSlicerLib.positions.view import PositionView
from VoCoSlicerLib.scene.nodes import remove_with_display

REPORT = made_up_report(axes=OBLIQUE.T)


@pytest.fixture
def view(application):
    return PositionView.create(add_volume(application.scene, OBLIQUE), "m", REPORT)


def another(*, seed: int = 7, **changes):
    """Another answer about the same bases."""
    report = {**made_up_report(axes=OBLIQUE.T, seed=seed), "bases": REPORT["bases"]}
    return {**report, "crops": ({**report["crops"][0], **changes},)}


def columns(table_node) -> dict[str, list]:
    table = table_node.GetTable()
    return {
        table.GetColumnName(n): [
            table.GetValue(row, n).ToDouble() for row in range(table.GetNumberOfRows())
        ]
        for n in range(table.GetNumberOfColumns())
    }


def rows(table_node) -> dict[str, tuple[str, str]]:
    table = table_node.GetTable()
    return {
        table.GetValue(row, 0).ToString(): tuple(
            table.GetValue(row, column).ToString() for column in (1, 2)
        )
        for row in range(table.GetNumberOfRows())
    }


def axes_of(roi_node) -> np.ndarray:
    """Unit vectors of a box in the world, one a row."""
    axes = [[0.0] * 3 for _ in range(3)]
    roi_node.GetXAxisWorld(axes[0])
    roi_node.GetYAxisWorld(axes[1])
    roi_node.GetZAxisWorld(axes[2])
    return np.array(axes)


def face_colours(view) -> np.ndarray:
    """The scalars that colour each base's six faces."""
    mesh = view.grid_node.GetPolyData()
    display = view.grid_node.GetDisplayNode()
    assert display.GetActiveAttributeLocation() == vtk.vtkAssignAttribute.CELL_DATA
    scalars = vtk_to_numpy(mesh.GetCellData().GetArray(display.GetActiveScalarName()))
    return scalars.reshape(-1, 6)


def test_the_boxes_have_the_colour_of_their_overlap(view):
    for report in (REPORT, another()):
        view.show_crop(report)
        expected = np.array(report["crops"][0]["predicted"])[:, None]
        np.testing.assert_allclose(face_colours(view), np.repeat(expected, 6, axis=1), rtol=1e-6)
    display = view.grid_node.GetDisplayNode()
    assert display.GetScalarVisibility()
    assert display.GetScalarRange() == (0, 1)
    assert display.GetScalarRangeFlag() == display.UseManualScalarRange
    low, high = ([0.0] * 4, [0.0] * 4)
    colours = display.GetColorNode()
    colours.GetColor(0, low)
    colours.GetColor(colours.GetNumberOfColors() - 1, high)
    assert (high[0], low[2]) > (low[0], high[2])  # from blue to red
    assert low[3] == high[3] == 1


def test_without_a_crop_the_boxes_have_one_colour(application):
    report = {**REPORT, "crops": ()}
    view = PositionView.create(add_volume(application.scene), "m", report)
    assert not view.grid_node.GetDisplayNode().GetScalarVisibility()
    assert (view.text, view.crop) == ("", None)
    assert view.overlap_table is view.chart_node is view.place_node is None
    np.testing.assert_allclose(view.crop_centre(), np.mean(REPORT["bases"]["centres"], axis=0))
    assert not view.show_crop(report)
    assert view.show_crop(REPORT)
    assert view.grid_node.GetDisplayNode().GetScalarVisibility()


def test_the_tables(view):
    report = another(loss=0.1234, chosen=5, right=False, place=None, distance=None)
    view.show_crop(report)
    crop = report["crops"][0]
    assert columns(view.overlap_table) == {
        "base": list(range(1, 13)),
        "true": list(crop["overlaps"]),
        "predicted": list(crop["predicted"]),
        "difference": list(crop["differences"]),
    }
    said = rows(view.crop_table)
    assert said["L_pred"] == ("0.1234", "")
    assert said["predicted base"][0] == "5"
    assert said["true base"][0] == str(int(np.argmax(crop["overlaps"])) + 1)
    assert said["right"][0] == "no"
    assert said["distance"] == ("none", "mm")
    assert said["predicted place"][0] == "none"
    view.show_crop(another(right=True, distance=4.25, place=(1.0, -2.0, 3.5)))
    said = rows(view.crop_table)
    assert said["right"][0] == "yes"
    assert said["distance"] == ("4.2", "mm")
    assert said["predicted place"] == ("1.0, -2.0, 3.5", "RAS mm")


def test_the_bars_are_those_of_the_table(view):
    chart = view.chart_node
    series = [chart.GetNthPlotSeriesNode(n) for n in range(chart.GetNumberOfPlotSeriesNodes())]
    assert [(node.GetName(), node.GetXColumnName(), node.GetYColumnName()) for node in series] == [
        ("true overlap", "base", "true"),
        ("predicted overlap", "base", "predicted"),
    ]
    assert all(node.GetTableNode() is view.overlap_table for node in series)
    assert {node.GetPlotType() for node in series} == {
        slicer.vtkMRMLPlotSeriesNode.PlotTypeScatterBar
    }
    assert series[0].GetColor() != series[1].GetColor()
    assert (chart.GetYAxisRangeAuto(), chart.GetYAxisRange()) == (False, (0, 1))
    told = []
    chart.AddObserver(vtk.vtkCommand.AnyEvent, lambda *_: told.append(1))
    view.show_crop(another())
    assert told


def test_the_predicted_place_is_a_point(view):
    view.show_crop(another(place=(1.5, -2.5, 3.5)))
    node = view.place_node
    assert tuple(node.GetNthControlPointPositionWorld(0)) == (1.5, -2.5, 3.5)
    assert node.GetLocked()
    view.show_crop(another(place=None, distance=None))
    assert node.GetNumberOfControlPoints() == 0
    view.show_crop(another(place=(4.0, 5.0, 6.0)))
    assert (node.GetNumberOfControlPoints(), view.place_node) == (1, node)
    assert tuple(node.GetNthControlPointPositionWorld(0)) == (4, 5, 6)


def test_the_line(view):
    view.show_crop(another(chosen=3, right=True, distance=7.6, loss=0.12345))
    assert view.text == "Predicted base 3, which is right; 8 mm off; L_pred 0.123."
    report = another(chosen=3, right=False, place=None, distance=None, loss=1.5)
    view.show_crop(report)
    true = int(np.argmax(report["crops"][0]["overlaps"])) + 1
    assert view.text == f"Predicted base 3 instead of {true}; no place predicted; L_pred 1.500."


def test_the_line_tells_of_a_box_beyond_the_border(view):
    here = np.array(REPORT["crops"][0]["centre"])
    view.show_crop(another(asked=tuple(here), centre=tuple(np.add(here, [0.5, 0, 0]))))
    assert "moved" not in view.text  # to whole voxels
    view.show_crop(another(asked=tuple(here), centre=tuple(np.add(here, [0, 30, 0]))))
    assert view.text.endswith("The crop was moved by 30 mm: it must lie inside the grid.")


def test_the_box_is_a_base_that_only_moves(view):
    node, bases = view.crop_node, view.bases
    assert node.GetSize() == bases.size
    np.testing.assert_allclose(np.abs(axes_of(node) @ OBLIQUE), np.eye(3), atol=1e-9)
    assert view.crop_centre() == pytest.approx(REPORT["crops"][0]["asked"])
    display = node.GetDisplayNode()
    assert display.GetHandlesInteractive()
    assert display.GetTranslationHandleVisibility()
    assert not display.GetRotationHandleVisibility()
    assert not display.GetScaleHandleVisibility()
    assert not display.GetFillVisibility()
    assert not node.GetLocked()


def test_a_box_that_is_held_stays_where_it_is(view):
    view.crop_node.SetCenterWorld(11.0, 22.0, 33.0)
    moves = []
    view.crop_node.AddObserver(vtk.vtkCommand.AnyEvent, lambda *_: moves.append(1))
    view.show_crop(another())
    assert view.crop_centre() == pytest.approx((11, 22, 33))
    assert not moves


@pytest.mark.parametrize("what", ["size", "turned"])
def test_a_box_that_was_changed_becomes_a_base_again_where_it_is(view, what):
    node = view.crop_node
    node.SetCenterWorld(11.0, 22.0, 33.0)
    if what == "size":
        node.SetSize(1.0, 2.0, 3.0)
    else:
        matrix = vtk.vtkMatrix4x4()
        node.SetAndObserveObjectToNodeMatrix(matrix)
        node.SetCenterWorld(11.0, 22.0, 33.0)
    view.show_crop(another())
    assert view.crop_centre() == pytest.approx((11, 22, 33))
    assert node.GetSize() == view.bases.size
    np.testing.assert_allclose(np.abs(axes_of(node) @ OBLIQUE), np.eye(3), atol=1e-9)


def test_a_box_under_a_transform_is_where_it_is_seen(application, view):
    view.crop_node.SetCenterWorld(1.0, 2.0, 3.0)
    put_under(view.crop_node, add_transform(application.scene, affine(np.eye(3), (10, 20, 30))))
    assert view.crop_centre() == pytest.approx((11, 22, 33))


def test_a_box_that_was_deleted_can_be_had_again(view):
    remove_with_display(view.crop_node)
    assert view.crop_centre() is None
    assert view.show_crop(another())
    assert view.crop_node is None
    view.place_crop((1.0, 2.0, 3.0))
    assert view.crop_centre() == (1, 2, 3)
    assert not view.crop_node.GetDisplayNode().GetScaleHandleVisibility()
    view.place_crop()
    assert view.crop_centre() == pytest.approx(view.bases.middle())


def test_another_grid_is_not_mixed_in(view):
    before = face_colours(view).copy(), view.text
    assert not view.show_crop(made_up_report((3, 2, 2)))
    assert not view.show_crop(made_up_report())  # the same counts elsewhere
    np.testing.assert_array_equal(face_colours(view), before[0])
    assert view.text == before[1]


def test_dragging_makes_no_more_nodes(application, view):
    count = application.scene.GetNumberOfNodes()
    for seed in range(5):
        view.show_crop(another(seed=seed))
    assert application.scene.GetNumberOfNodes() == count


def test_one_event_a_node_and_crop(view):
    told = dict.fromkeys(("overlap_table", "grid_node", "place_node"), 0)

    def note(name):
        def add(*_):
            told[name] += 1

        return add

    for name in told:
        getattr(view, name).AddObserver(vtk.vtkCommand.ModifiedEvent, note(name))
    view.show_crop(another())
    assert max(told.values()) <= 2
    assert told["overlap_table"]


@pytest.mark.parametrize("name", ["overlap_table", "crop_table", "chart_node", "place_node"])
def test_what_was_deleted_is_made_anew(view, name):
    remove_with_display(getattr(view, name))
    assert getattr(view, name) is None
    report = another(place=(1.0, 2.0, 3.0))
    view.show_crop(report)
    assert getattr(view, name) is not None
    chart = view.chart_node
    assert chart.GetNumberOfPlotSeriesNodes() == 2
    for n in range(2):
        assert chart.GetNthPlotSeriesNode(n).GetTableNode() is view.overlap_table
    assert columns(view.overlap_table)["predicted"] == list(report["crops"][0]["predicted"])
    assert tuple(view.place_node.GetNthControlPointPositionWorld(0)) == (1, 2, 3)


def test_numbers_are_locked_and_seen_in_all_slices(view):
    node = view.numbers_node
    assert [node.GetNthControlPointLabel(n) for n in range(12)] == [str(n) for n in range(1, 13)]
    assert node.GetLocked()
    display = node.GetDisplayNode()
    assert display.GetSliceProjection()
    assert display.GetPointLabelsVisibility()


def test_the_similarities_are_row_by_row(view):
    np.testing.assert_array_equal(view.similarity_rows(), REPORT["bases"]["similarity"])
    table = view.similarity_table.GetTable()
    assert table.GetColumnName(2) == "3"
    assert table.GetValue(0, 2).ToDouble() == REPORT["bases"]["similarity"][0][2]


def test_a_drag_is_answered_well_within_a_frame(application):
    """216 bases; the window has 300 ms for all, most of them for the network."""
    report = made_up_report((6, 6, 6))
    view = PositionView.create(add_volume(application.scene), "m", report)
    view.show_crop(report)
    start = time.perf_counter()
    for _ in range(5):
        view.show_crop(report)
    assert (time.perf_counter() - start) / 5 < 0.1


def test_a_real_answer(application, phantom, positioner, tmp_path):
    volume_node = volume_of(application.scene, phantom.image)
    opened = open_as_the_worker(positioner, volume_node, tmp_path)
    report = report_of(opened)
    view = PositionView.create(volume_node, "headneck-voco", report)
    wanted = np.add(view.bases.centres[9], [4.0, -6.0, 2.0])
    view.crop_node.SetCenterWorld(*wanted)
    (crop,) = opened.locate([view.crop_centre()])
    assert view.show_crop(opened.report([crop]).to_plain())
    assert crop.centre == pytest.approx(wanted, abs=2.0)
    assert columns(view.overlap_table)["true"] == list(crop.overlaps)
    assert columns(view.overlap_table)["predicted"] == list(crop.predicted)
    assert int(np.argmax(crop.overlaps)) == 9
    assert tuple(view.place_node.GetNthControlPointPositionWorld(0)) == pytest.approx(crop.place)
    assert view.similarity_rows()[2] == pytest.approx(opened.bases.similarity[2])
