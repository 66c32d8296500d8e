"""Drives the panel "Contextual positions" as a user does; fixtures for its tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from Testing import harness
from Testing.slicer.window.driver import Driver, load, nodes_in_scene, shown
from Testing.slicer.window.position_models import knowing_model
from voco3d.phantom import Phantom

import qt  # isort: skip

from VoCoSlicerLib.positions.view import PositionView
from VoCoSlicerLib.widget.positions import model as position_model
from VoCoSlicerLib.worker.environment import slicer_python
from VoCoSlicerLib.worker.process import Worker

__all__ = [
    "ct",
    "models",
    "nodes_in_scene",
    "panel",
    "position_folder",
    "shown",
    "warm",
    "window",
]

PATIENCE = 120
"""Seconds for a step, on a busy computer."""


class Panel:
    """The panel under a user's hands."""

    def __init__(self, window: Driver) -> None:
        self.window = window

    @property
    def part(self) -> Any:
        return self.window.loaded.widget.window.positions

    @property
    def jobs(self) -> Any:
        return self.window.loaded.widget.window.jobs

    @property
    def ui(self) -> Any:
        return self.part.ui

    @property
    def view(self) -> PositionView:
        """The view that the panel is about."""
        view = self.part._view
        assert view is not None
        return view

    @property
    def message(self) -> str:
        return self.ui.messageLabel.text if shown(self.ui.messageFrame) else ""

    def wait(self, condition: Any) -> None:
        harness.wait(condition, PATIENCE)

    def show_bases(self) -> PositionView:
        """Press the button, and wait for the first crop."""
        self.ui.showBasesButton.click()
        self.wait(lambda: self.ui.showBasesButton.text != "Cancel")
        assert self.part._view is not None, self.message
        self.wait(lambda: self.view.crop is not None)
        self.wait(lambda: self.jobs.idle)
        return self.view

    def drag(self, *shift: float) -> np.ndarray:
        """Move the crop box by some mm; returns where it is."""
        centre = np.array(self.view.crop_centre()) + shift
        self.view.crop_node.SetCenterWorld(*centre)
        return centre

    def answered(self, centre: np.ndarray) -> bool:
        """Whether what is shown is about a crop there."""
        crop = self.view.crop
        return crop is not None and bool(np.allclose(crop["asked"], centre, atol=0.01))

    def sweep(self) -> None:
        self.ui.sweepButton.click()
        self.wait(lambda: self.ui.sweepButton.text != "Cancel")
        assert not self.message, self.message

    def long_sweep(self) -> None:
        """Start a sweep that takes long, and wait until it is on its way."""
        self.window.parameters.bases_x = self.window.parameters.bases_y = 8
        self.show_bases()
        self.ui.stepComboBox.setCurrentIndex(2)
        self.ui.sweepButton.click()
        self.wait(lambda: self.ui.sweepProgressBar.value > 0)


@pytest.fixture(scope="session")
def position_folder(
    phantom: Phantom, model_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The user's models: "tiny" predicts positions, "small" segments."""
    folder = tmp_path_factory.mktemp("position-models")
    knowing_model(folder / "tiny", phantom)
    shutil.copytree(model_folder, folder / "small")
    return folder


@pytest.fixture(scope="module")
def warm(position_folder: Path) -> Iterator[Worker]:
    """A worker that has read its libraries: that takes seconds, and is done once."""
    harness.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOCO_MODELS", str(position_folder))
        worker = Worker(slicer_python())
        worker.start()
        yield worker
        process = worker._process
        worker.stop()
        harness.wait(lambda: process is None or process.state() == qt.QProcess.NotRunning, 10)


@pytest.fixture
def models(position_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VOCO_MODELS", str(position_folder))
    monkeypatch.setattr(position_model, "DEFAULT", "tiny")
    return position_folder


@pytest.fixture
def window(warm: Worker, models: Path, harness_session: None) -> Iterator[Driver]:
    """The window, connected to the worker that is there already."""
    driver = Driver(harness.load_module("VoCoSlicer"))
    driver.segmenter._worker = warm
    yield driver
    driver.segmenter.cancel()
    driver.loaded.widget.window.jobs.drop()
    driver.finish()
    harness.wait(lambda: not warm.busy, 10)
    driver.segmenter._worker = None
    driver.unload()


@pytest.fixture
def ct(window: Driver, phantom: Phantom, tmp_path: Path) -> Any:
    """The phantom's CT in the scene, chosen."""
    node = load(phantom.image, tmp_path, "CT")
    window.ui.volumeSelector.setCurrentNode(node)
    return node


@pytest.fixture
def panel(window: Driver, ct: Any) -> Panel:
    """The panel with the phantom and the small model "tiny"."""
    window.loaded.widget.window.check.about(None)
    window.loaded.widget.window.estimate.clear()
    panel = Panel(window)
    panel.part.widget.collapsed = False
    return panel
