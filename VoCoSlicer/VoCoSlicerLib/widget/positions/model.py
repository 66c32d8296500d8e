"""The model that is asked, and how many bases it is asked about."""

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from VoCoSlicerLib.models.entry import ModelEntry
from VoCoSlicerLib.parameters import Parameters

DEFAULT = "headneck-voco"


class PositionModelPart:
    """The rows "Model" and "Bases"."""

    def __init__(
        self, ui: Any, entries: Callable[[], list[ModelEntry]], on_changed: Callable[[], None]
    ) -> None:
        """Take the widgets.

        Args:
            ui: the panel's widgets.
            entries: the models on this computer.
            on_changed: is called when another model is chosen.
        """
        self._ui, self._entries, self._on_changed = ui, entries, on_changed
        self._parameters: Parameters | None = None
        self._listed: list[ModelEntry] = []
        self._filling = False
        ui.positionModelComboBox.connect("currentIndexChanged(int)", self._chosen)
        self.reload()

    @property
    def key(self) -> str:
        """The chosen model, as the worker takes it; empty if there is none."""
        combo = self._ui.positionModelComboBox
        return combo.itemData(combo.currentIndex) or ""

    def counts(self) -> tuple[int, int, int]:
        """Bases along x, y and z."""
        ui = self._ui
        return ui.basesXSpinBox.value, ui.basesYSpinBox.value, ui.basesZSpinBox.value

    def hindrance(self) -> str:
        """Why nothing can be asked; empty if something can."""
        if self._listed:
            return ""
        return _("No model here predicts positions: pre-train one under Training.")

    def reference_model(self) -> ModelEntry | None:
        """The first model that can check a volume; None if there is none."""
        return next((entry for entry in self._listed if entry.reference), None)

    def set_parameters(self, parameters: Parameters) -> None:
        """Choose the model of a scene; in a new scene the first one."""
        self._parameters = None
        key, new = parameters.position_model, not parameters.position_model
        if new or not self._choose(key):
            self._choose(DEFAULT)
        self._parameters = parameters
        if new:
            self._chosen()

    def reload(self) -> None:
        """Read the list of models again; the choice stays."""
        before = self.key or DEFAULT
        combo = self._ui.positionModelComboBox
        listed = [entry for entry in self._entries() if entry.grid is not None]
        self._listed = sorted(listed, key=lambda entry: entry.key != DEFAULT)
        self._filling = True
        combo.clear()
        for entry in self._listed:
            combo.addItem(entry.name, entry.key)
        self._filling = False
        self._choose(before)

    def _choose(self, key: str) -> bool:
        combo = self._ui.positionModelComboBox
        index = combo.findData(key)
        self._filling = True
        combo.setCurrentIndex(max(index, 0))
        self._filling = False
        return index >= 0

    def _chosen(self, _index: int = 0) -> None:
        """Take the model's own number of bases."""
        parameters = self._parameters
        if self._filling or parameters is None:
            return
        parameters.position_model = self.key
        entry = next((entry for entry in self._listed if entry.key == self.key), None)
        if entry is not None and entry.grid is not None:
            parameters.bases_x, parameters.bases_y, parameters.bases_z = entry.grid
        self._on_changed()
