"""What is trained: the upper part of the training panel."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ctk
import qt
import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.models.on_disk import added_models, bundled_models
from VoCoSlicerLib.training.dataset import SceneCase, scene_cases
from VoCoSlicerLib.training.jobs import Training
from VoCoSlicerLib.training.presets import Kind, presets
from VoCoSlicerLib.widget.own_models import own_models
from VoCoSlicerLib.widget.training_settings import keep, read
from VoCoSlicerLib.worker.environment import bundled_package

KINDS: tuple[Kind, ...] = ("finetune", "pretrain")
FOLDER, SCENE = 0, 1
"""Where the data come from, in the order of the list."""

RANDOM, OTHER = "", "?"
"""Entries of the weights: none, and a place of one's own."""

CASE = 0x0100
"""The role of an item's data: ``Qt::UserRole``."""

SETTING = "training"


class TrainingForm:
    """The choices for a new training, kept from session to session.

    Args:
        ui: The widgets of ``Training.ui`` by name.
        finished: Gives name and folder of the models that trainings have left.
    """

    def __init__(self, ui: Any, finished: Callable[[], list[tuple[str, str]]]) -> None:
        self._ui, self._finished = ui, finished
        self._cases: list[SceneCase] = []
        ui.kindComboBox.addItem(_("Fine-tune: learn structures"))
        ui.kindComboBox.addItem(_("Pre-train: learn from images alone"))
        ui.sourceComboBox.addItem(_("Folder"))
        ui.sourceComboBox.addItem(_("Volumes of this scene"))
        for edit in (ui.dataPathLineEdit, ui.outputPathLineEdit):
            edit.filters = ctk.ctkPathLineEdit.Dirs
        for edit in (ui.dataPathLineEdit, ui.outputPathLineEdit, ui.weightsPathLineEdit):
            edit.showHistoryButton = False
        self._show_settings()
        ui.kindComboBox.connect("currentIndexChanged(int)", lambda *_: self._kind_changed())
        ui.sourceComboBox.connect("currentIndexChanged(int)", lambda *_: self._show_rows())
        ui.presetComboBox.connect("currentIndexChanged(int)", lambda *_: self._show_preset())
        ui.weightsComboBox.connect("currentIndexChanged(int)", lambda *_: self._show_rows())

    @property
    def kind(self) -> Kind:
        """What is chosen: to fine-tune or to pre-train."""
        return KINDS[self._ui.kindComboBox.currentIndex]

    @property
    def from_scene(self) -> bool:
        """Whether the scene's volumes are the data."""
        return bool(self._ui.sourceComboBox.currentIndex == SCENE)

    def training(self, device: str) -> Training:
        """What is asked for; the data of the scene are still to be written.

        Raises:
            VoCoSlicerError: A field is empty, or the options cannot be read.
        """
        ui = self._ui
        out = ui.outputPathLineEdit.currentPath.strip()
        data = ui.dataPathLineEdit.currentPath.strip()
        if not self.from_scene and not data:
            raise VoCoSlicerError(_("Choose the folder with the data."))
        if not out:
            raise VoCoSlicerError(_("Choose an output folder."))
        try:
            options = tuple(shlex.split(ui.optionsLineEdit.text))
        except ValueError as error:
            raise VoCoSlicerError(_("The options have a quotation mark too few.")) from error
        return Training(
            presets(self.kind)[ui.presetComboBox.currentIndex],
            Path(out) / "data" if self.from_scene else Path(data),
            Path(out),
            self._weights(),
            device,
            options,
        )

    def ticked(self) -> list[SceneCase]:
        """The cases of the scene that are chosen."""
        items = (self._ui.casesListWidget.item(row) for row in range(len(self._cases)))
        states = [item.checkState() == qt.Qt.Checked for item in items]
        return [case for case, on in zip(self._cases, states, strict=True) if on]

    def show_cases(self) -> None:
        """List what the scene has, and keep the ticks; nothing is touched if nothing changed."""
        cases = scene_cases(slicer.mrmlScene) if self.from_scene else []
        texts = [_title(case) for case in cases]
        widget = self._ui.casesListWidget
        shown = [widget.item(row).text() for row in range(widget.count)]
        if cases == self._cases and texts == shown:
            return
        ticked = self.ticked()
        self._cases = cases
        widget.clear()
        for case, text in zip(cases, texts, strict=True):
            item = qt.QListWidgetItem(text)
            item.setToolTip(text)
            item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable)
            item.setCheckState(qt.Qt.Checked if case in ticked else qt.Qt.Unchecked)
            widget.addItem(item)

    def show_weights(self) -> None:
        """List the models to start from, and keep the choice."""
        combo = self._ui.weightsComboBox
        entries = [(_("None: random weights"), RANDOM)]
        known = bundled_models(Path(bundled_package())) + added_models() + own_models()
        entries += [(entry.name, entry.key) for entry in known if _is_here(entry.key)]
        keys = {key for _name, key in entries}
        entries += [(name, folder) for name, folder in self._finished() if folder not in keys]
        entries.append((_("File or folder…"), OTHER))
        shown = [(combo.itemText(n), combo.itemData(n)) for n in range(combo.count)]
        if entries == shown:
            return
        before = combo.itemData(combo.currentIndex) if combo.count else RANDOM
        blocked = combo.blockSignals(True)
        combo.clear()
        for name, key in entries:
            combo.addItem(name, key)
        combo.setCurrentIndex(max(0, combo.findData(before)))
        combo.blockSignals(blocked)
        self._show_rows()

    def remember(self) -> None:
        """Keep the choices for the next session."""
        ui = self._ui
        keep(
            SETTING,
            {
                "kind": self.kind,
                "from_scene": self.from_scene,
                "data": ui.dataPathLineEdit.currentPath,
                "preset": presets(self.kind)[ui.presetComboBox.currentIndex].config or "",
                "weights": ui.weightsComboBox.itemData(ui.weightsComboBox.currentIndex),
                "weights_path": ui.weightsPathLineEdit.currentPath,
                "out": ui.outputPathLineEdit.currentPath,
                "options": ui.optionsLineEdit.text,
            },
        )

    def _show_settings(self) -> None:
        ui, kept = self._ui, {key: str(v) for key, v in read(SETTING, {}).items()}
        ui.kindComboBox.setCurrentIndex(
            KINDS.index("pretrain") if kept.get("kind") == "pretrain" else 0
        )
        ui.sourceComboBox.setCurrentIndex(SCENE if kept.get("from_scene") == "True" else FOLDER)
        ui.dataPathLineEdit.currentPath = kept.get("data", "")
        ui.weightsPathLineEdit.currentPath = kept.get("weights_path", "")
        ui.outputPathLineEdit.currentPath = kept.get("out", "")
        ui.optionsLineEdit.setText(kept.get("options", ""))
        self._show_presets(kept.get("preset", ""))
        self.show_weights()
        weights = kept.get("weights", "headneck-voco")
        ui.weightsComboBox.setCurrentIndex(max(0, ui.weightsComboBox.findData(weights)))
        self._show_rows()

    def _kind_changed(self) -> None:
        self._show_presets("")
        self._show_rows()

    def _show_presets(self, chosen: str) -> None:
        combo = self._ui.presetComboBox
        blocked = combo.blockSignals(True)
        combo.clear()
        for preset in presets(self.kind):
            combo.addItem(preset.title, preset.config or "")
        combo.setCurrentIndex(max(0, combo.findData(chosen)))
        combo.blockSignals(blocked)
        self._show_preset()

    def _show_preset(self) -> None:
        preset = presets(self.kind)[self._ui.presetComboBox.currentIndex]
        self._ui.presetInfoLabel.setText(preset.about)

    def _show_rows(self) -> None:
        ui = self._ui
        ui.dataPathLineEdit.setVisible(not self.from_scene)
        ui.casesListWidget.setVisible(self.from_scene)
        weights = ui.weightsComboBox.itemData(ui.weightsComboBox.currentIndex)
        ui.weightsPathLineEdit.setVisible(weights == OTHER)
        self.show_cases()

    def _weights(self) -> str | None:
        ui = self._ui
        chosen = ui.weightsComboBox.itemData(ui.weightsComboBox.currentIndex)
        if chosen != OTHER:
            return chosen or None
        path = ui.weightsPathLineEdit.currentPath.strip()
        if not Path(path).exists() or not path:
            raise VoCoSlicerError(_("The initial weights are not there: choose a file or folder."))
        return str(Path(path).absolute())


def _is_here(key: str) -> bool:
    """Whether a model can be started from: one of a name, or a place that is there."""
    return not Path(key).is_absolute() or Path(key).exists()


def _title(case: SceneCase) -> str:
    if case.segmentation is None:
        return _("{volume} (no segmentation)").format(volume=case.volume.GetName())
    return _("{volume} with {segmentation}").format(
        volume=case.volume.GetName(), segmentation=case.segmentation.GetName()
    )
