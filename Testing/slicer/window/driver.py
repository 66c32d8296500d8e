"""Drives the window as a user does, and reads what the user sees."""

from pathlib import Path
from typing import Any

import SimpleITK as sitk

from Testing import harness

harness.start()

import qt  # noqa: E402
import slicer  # noqa: E402

from VoCoSlicerLib.scene.ct import load_ct  # noqa: E402


def load(image: sitk.Image, folder: Path, name: str) -> Any:
    """Put an image into the scene."""
    path = folder / f"{name}.nrrd"
    sitk.WriteImage(image, str(path))
    return load_ct(slicer.mrmlScene, path, name)


def nodes_in_scene() -> set[str]:
    """The IDs of all nodes."""
    scene = slicer.mrmlScene
    return {scene.GetNthNode(n).GetID() for n in range(scene.GetNumberOfNodes())}


class Driver:
    """The window under a user's hands."""

    def __init__(self, loaded: Any) -> None:
        self.loaded = loaded
        self._unloaded = False

    @property
    def ui(self) -> Any:
        return self.loaded.ui

    @property
    def parameters(self) -> Any:
        return self.loaded.logic.getParameterNode()

    @property
    def segmenter(self) -> Any:
        return self.loaded.logic.segmenter

    @property
    def message(self) -> str:
        """What the window says, empty when it says nothing."""
        return self.ui.messageLabel.text if shown(self.ui.messageFrame) else ""

    @property
    def running(self) -> bool:
        return self.segmenter.running

    @property
    def worker_pid(self) -> int:
        """The process of the worker that runs."""
        return int(self.segmenter._worker._process.processId())

    def choose_model(self, key: str) -> None:
        index = self.ui.modelComboBox.findData(key)
        assert index >= 0, f"{key} is not in the list: {self.model_titles()}"
        self.ui.modelComboBox.setCurrentIndex(index)

    def model_titles(self) -> list[str]:
        combo = self.ui.modelComboBox
        return [combo.itemText(index) for index in range(combo.count)]

    def apply(self) -> None:
        assert self.ui.applyButton.enabled, self.ui.applyButton.toolTip
        self.ui.applyButton.click()

    def finish(self, seconds: float = 300.0) -> None:
        """Wait for the end of a run."""
        harness.wait(lambda: not self.running, seconds)

    def segment(self) -> Any:
        """Apply, wait, and return the segmentation."""
        self.apply()
        self.finish()
        return self.parameters.segmentation

    def computing(self, seconds: float = 300.0) -> None:
        """Wait until the worker computes."""
        harness.wait(lambda: self.ui.progressBar.value > 0, seconds)

    def structures(self) -> dict[str, bool]:
        """The structures that are shown, and whether each is ticked."""
        items = [self.ui.structuresList.item(row) for row in range(self.ui.structuresList.count)]
        return {item.text(): bool(item.checkState()) for item in items if not item.isHidden()}

    def tick(self, name: str, on: bool) -> None:
        items = [self.ui.structuresList.item(row) for row in range(self.ui.structuresList.count)]
        (item,) = [item for item in items if item.text() == name]
        item.setCheckState(qt.Qt.Checked if on else qt.Qt.Unchecked)

    def table(self) -> list[list[str]]:
        """The result's table."""
        table = self.ui.resultsTable
        return [
            [table.item(row, column).text() for column in range(table.columnCount)]
            for row in range(table.rowCount)
        ]

    def unload(self) -> None:
        if not self._unloaded:
            self._unloaded = True
            self.loaded.unload()


def shown(widget: Any) -> bool:
    """Whether a widget is not hidden, even where the section around it is folded."""
    return not widget.isHidden()
