"""The sweep and the export, and what happens to the scene and the worker meanwhile."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from Testing import harness
from Testing.slicer.window.driver import Driver
from Testing.slicer.window.positions_window import *  # noqa: F403
from Testing.slicer.window.positions_window import Panel, nodes_in_scene

import slicer  # isort: skip

from VoCoSlicerLib.positions.view import PositionView


@pytest.fixture
def own_worker(panel: Panel) -> Iterator[Panel]:
    """The panel with a worker of its own, which the test may end."""
    segmenter = panel.window.segmenter
    warm, segmenter._worker = segmenter._worker, None
    yield panel
    panel.window.segmenter.close()
    segmenter._worker = warm


def layers() -> list[tuple[str | None, str | None]]:
    """What lies over the volume in each slice view: foreground and labels."""
    nodes = slicer.mrmlScene.GetNodesByClass("vtkMRMLSliceCompositeNode")
    return [(node.GetForegroundVolumeID(), node.GetLabelVolumeID()) for node in nodes]


def test_a_sweep_lies_over_the_volume(panel: Panel) -> None:
    view = panel.show_bases()
    assert not panel.ui.overlayComboBox.enabled
    panel.sweep()
    chosen, errors = view.chosen_node, view.errors_node
    assert chosen is not None
    assert errors is not None
    assert set(layers()) == {(None, chosen.GetID())}
    assert panel.ui.sweepLabel.text.startswith("9 crops: ")
    panel.ui.overlayComboBox.setCurrentIndex(2)
    assert set(layers()) == {(errors.GetID(), None)}
    panel.ui.overlayComboBox.setCurrentIndex(0)
    assert set(layers()) == {(None, None)}
    panel.ui.overlayComboBox.setCurrentIndex(1)
    panel.show_bases()
    assert set(layers()) == {(None, None)}, "the bases are new"
    assert not panel.ui.overlayComboBox.enabled


def test_a_finer_step_gives_more_crops(panel: Panel) -> None:
    panel.show_bases()
    panel.ui.stepComboBox.setCurrentIndex(1)
    panel.sweep()
    assert panel.ui.sweepLabel.text.startswith("25 crops: ")
    assert panel.view.chosen_node.GetImageData().GetDimensions() == (5, 5, 1)


def test_a_cancelled_sweep_leaves_the_scene_as_it_was(panel: Panel) -> None:
    panel.long_sweep()
    assert panel.ui.sweepButton.text == "Cancel"
    assert not panel.ui.showBasesButton.enabled
    before, over = nodes_in_scene(), layers()
    started = time.monotonic()
    panel.ui.sweepButton.click()
    panel.wait(lambda: panel.ui.sweepButton.text == "Sweep")
    assert time.monotonic() - started < 2
    assert nodes_in_scene() == before
    assert layers() == over
    assert not panel.message
    assert not list(Path(slicer.app.temporaryPath).glob("VoCo-sweep-*"))
    centre = panel.drag(6.0, 0.0, 0.0)
    panel.wait(lambda: panel.answered(centre))


def test_a_move_during_a_sweep_is_answered_after_it(panel: Panel) -> None:
    panel.long_sweep()
    centre = panel.drag(6.0, 0.0, 0.0)
    slicer.app.processEvents()
    assert not panel.answered(centre)
    panel.ui.sweepButton.click()
    panel.wait(lambda: panel.answered(centre))


def test_the_scene_may_be_closed_during_a_sweep(panel: Panel) -> None:
    panel.long_sweep()
    panel.window.loaded.close_scene()
    assert panel.jobs.idle
    assert panel.ui.sweepButton.text == "Sweep"
    assert panel.ui.positionsResultWidget.isHidden()
    assert not PositionView.find_in_scene(slicer.mrmlScene)
    panel.wait(lambda: not panel.window.segmenter._worker.busy)
    assert not list(Path(slicer.app.temporaryPath).glob("VoCo-sweep-*"))


def test_the_volume_may_be_deleted_during_a_sweep(panel: Panel, ct: Any) -> None:
    panel.long_sweep()
    slicer.mrmlScene.RemoveNode(ct)
    harness.wait(lambda: panel.jobs.idle)
    assert not PositionView.find_in_scene(slicer.mrmlScene)
    assert panel.ui.sweepButton.text == "Sweep"


def test_bases_may_be_removed_during_a_sweep(panel: Panel) -> None:
    before = nodes_in_scene()
    panel.long_sweep()
    panel.ui.removeBasesButton.click()
    harness.wait(lambda: panel.jobs.idle)
    assert nodes_in_scene() == before


def test_apply_goes_before_a_sweep(panel: Panel) -> None:
    window = panel.window
    window.choose_model("small")
    panel.long_sweep()
    started = time.monotonic()
    window.apply()
    assert window.ui.applyButton.text == "Cancel"
    harness.wait(lambda: window.running)
    assert time.monotonic() - started < 2
    assert panel.ui.sweepButton.text == "Sweep"
    assert not panel.ui.sweepButton.enabled
    assert "A segmentation is running" in panel.ui.hindranceLabel.text
    centre = panel.drag(5.0, 0.0, 0.0)
    window.finish()
    assert window.message.startswith("Done in")
    panel.wait(lambda: panel.answered(centre))


def test_apply_may_be_cancelled_while_it_waits_for_the_sweep(panel: Panel) -> None:
    panel.window.choose_model("small")
    panel.long_sweep()
    before = nodes_in_scene()
    panel.window.apply()
    panel.window.ui.applyButton.click()
    harness.wait(lambda: panel.jobs.idle)
    slicer.app.processEvents()
    assert not panel.window.running
    assert panel.window.ui.applyButton.text == "Apply"
    assert panel.window.ui.applyButton.enabled
    assert nodes_in_scene() == before


@pytest.mark.parametrize("what", ["scene", "volume", "python"])
def test_what_apply_waits_for_may_go(panel: Panel, ct: Any, what: str) -> None:
    panel.window.choose_model("small")
    panel.long_sweep()
    panel.window.apply()
    if what == "scene":
        panel.window.loaded.close_scene()
    elif what == "volume":
        slicer.mrmlScene.RemoveNode(ct)
    else:
        panel.window.loaded.widget.window.environment._on_changed()
    harness.wait(lambda: panel.window.ui.applyButton.text == "Apply")
    assert panel.window.ui.inputsCollapsibleButton.enabled
    assert panel.jobs.idle
    slicer.app.processEvents()
    assert not panel.window.running


def test_a_worker_that_dies_is_said_and_replaced(own_worker: Panel) -> None:
    panel = own_worker
    panel.long_sweep()
    before = nodes_in_scene()
    os.kill(panel.window.worker_pid, signal.SIGKILL)
    panel.wait(lambda: panel.message != "")
    assert "The system ended the worker" in panel.message
    assert nodes_in_scene() == before
    panel.ui.stepComboBox.setCurrentIndex(0)
    panel.ui.sweepButton.click()
    panel.wait(lambda: panel.view.errors_node is not None)


def test_another_python_ends_what_is_asked(panel: Panel) -> None:
    """Of the old one no answer will come."""
    panel.long_sweep()
    panel.window.loaded.widget.window.environment._on_changed()
    assert panel.jobs.idle
    assert panel.ui.sweepButton.text == "Sweep"


def test_unloading_the_module_ends_a_sweep(own_worker: Panel) -> None:
    """The session fails if a process or a file is left."""
    own_worker.long_sweep()
    own_worker.window.unload()
    assert not list(Path(slicer.app.temporaryPath).glob("VoCo-*"))


def test_the_export_writes_files(panel: Panel, tmp_path: Path) -> None:
    panel.show_bases()
    folder = tmp_path / "export"
    folder.mkdir()
    harness.dialogs.answer(str(folder))
    panel.ui.exportPositionsButton.click()
    panel.wait(lambda: panel.message != "")
    assert panel.message.startswith("Written to")
    written = {path.name for path in folder.iterdir()}
    assert {"positions.json", "crops.csv", "crops.png", "similarity.png"} <= written
    assert "errors.png" not in written, "nothing was swept"
    harness.dialogs.answer(str(folder))
    panel.ui.exportPositionsButton.click()
    panel.wait(lambda: "Written" not in panel.message and panel.message != "")
    assert "choose another folder" in panel.message, "what is there is not overwritten"


def test_the_export_holds_the_sweep(panel: Panel, tmp_path: Path) -> None:
    panel.show_bases()
    panel.sweep()
    harness.dialogs.answer(str(tmp_path))
    panel.ui.exportPositionsButton.click()
    panel.wait(lambda: panel.message != "")
    assert (tmp_path / "errors.csv").is_file(), panel.message


def test_no_folder_no_export(panel: Panel) -> None:
    panel.show_bases()
    harness.dialogs.answer("")
    panel.ui.exportPositionsButton.click()
    assert panel.jobs.idle
    assert not panel.message


def test_a_sweep_of_a_reopened_scene(panel: Panel, tmp_path: Path) -> None:
    """The images lie where they lay, and are found again."""
    panel.show_bases()
    panel.sweep()
    panel.ui.overlayComboBox.setCurrentIndex(2)
    bounds = [0.0] * 6
    panel.view.errors_node.GetRASBounds(bounds)
    panel.window.loaded.save_and_reload_scene(tmp_path)
    again = [0.0] * 6
    panel.view.errors_node.GetRASBounds(again)
    assert np.allclose(bounds, again, atol=1e-3)
    panel.ui.removeBasesButton.click()
    assert not PositionView.find_in_scene(slicer.mrmlScene)


def test_without_a_volume_nothing_can_be_pressed(window: Driver) -> None:
    panel = Panel(window)
    panel.part.widget.collapsed = False
    assert not panel.ui.showBasesButton.enabled
    assert "Choose a volume first" in panel.ui.hindranceLabel.text
