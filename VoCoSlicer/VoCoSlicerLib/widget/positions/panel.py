"""The panel "Contextual positions": what a network knows of where a crop lies."""

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.models.entry import ModelEntry
from VoCoSlicerLib.parameters import Parameters, Step
from VoCoSlicerLib.positions.slice_views import lay_over
from VoCoSlicerLib.positions.view import PositionView
from VoCoSlicerLib.positions.volume_state import VolumeState
from VoCoSlicerLib.scene.transfer import check_volume
from VoCoSlicerLib.widget.chosen_python import ChosenPython
from VoCoSlicerLib.widget.estimate import MARGIN
from VoCoSlicerLib.widget.message import Kind, MessagePart, connect, tint
from VoCoSlicerLib.widget.positions.crop import CropPart
from VoCoSlicerLib.widget.positions.export import ExportPart
from VoCoSlicerLib.widget.positions.jobs import Jobs
from VoCoSlicerLib.widget.positions.matrix import SimilarityPart
from VoCoSlicerLib.widget.positions.model import PositionModelPart
from VoCoSlicerLib.widget.positions.same_place import SamePlacePart
from VoCoSlicerLib.widget.positions.start import StartButton
from VoCoSlicerLib.widget.positions.sweep import SweepPart
from VoCoSlicerLib.worker.environment import MODULE_FOLDER
from VoCoSlicerLib.worker.messages import WorkerError
from VoCoSlicerLib.worker.words import translated

UI_FILE = MODULE_FOLDER / "Resources/UI/Positions.ui"


class PositionsPanel:
    """The panel, collapsed at first.

    Attributes:
        widget: the collapsible button.
        ui: the panel's widgets by name; those of parameters are connected by the module.
    """

    def __init__(
        self,
        layout: Any,
        jobs: Jobs,
        python: ChosenPython,
        occupied: Callable[[], bool],
        entries: Callable[[], list[ModelEntry]],
    ) -> None:
        """Build the panel at the end of a layout.

        Args:
            layout: a qt layout.
            jobs: asks the worker.
            python: the Python that computes.
            occupied: whether a segmentation runs.
            entries: the models on this computer.
        """
        whole = slicer.util.loadUI(str(UI_FILE))
        layout.addWidget(whole)
        whole.setMRMLScene(slicer.mrmlScene)
        self.ui = slicer.util.childWidgetVariables(whole)
        self.widget = self.ui.positionsCollapsibleButton
        self._jobs, self._python, self._occupied = jobs, python, occupied
        self._parameters: Parameters | None = None
        self._view: PositionView | None = None
        self._message = MessagePart(self.ui)
        self._model = PositionModelPart(self.ui, entries, self.update)
        self._button = StartButton(
            self.ui, "showBasesButton", "bases", jobs, self._start, self._say
        )
        self._crop = CropPart(self.ui, jobs, self._say)
        clear = self._message.clear
        self._sweep = SweepPart(self.ui, jobs, self._step, clear, self._say)
        self._similarity = SimilarityPart(self.ui)
        self._export = ExportPart(self.ui, jobs, self._step, self._message, self._say)
        self._place = SamePlacePart(self.ui, jobs, self._prepared, self._model, self._say)
        connect(self.ui.removeBasesButton, self._remove)
        self._tell_parts(None)
        self.update()

    def set_parameters(self, parameters: Parameters | None) -> None:
        """Show what a scene has; None while there is no scene."""
        self._parameters = None
        self._message.clear()
        if parameters is None:
            self._tell_parts(None)
            self._jobs.drop()
        else:
            self._model.set_parameters(parameters)
            self._parameters = parameters
        self._place.set_parameters(parameters)
        self.update()

    def update(self) -> None:
        """Something was chosen, came, went or ended."""
        parameters = self._parameters
        volume_node = None if parameters is None else parameters.volume
        self._look_at(volume_node)
        view = self._view
        waiting = _("Wait for what is under way.") if self._jobs.busy else ""
        if self._occupied():
            waiting = _("A segmentation is running: wait for it, or cancel it.")
        missing = self._missing(volume_node)
        hindrance = waiting or self._hindrance()
        self._button.allow(waiting or missing)
        self._sweep.button.allow(hindrance)
        self._export.button.allow(hindrance)
        self.ui.removeBasesButton.setEnabled(view is not None)
        self._remark("" if self._jobs.busy else waiting or missing or self._hindrance())
        self._place.update(volume_node)
        if not hindrance:
            self._crop.look()
        if not waiting and not self._python.lack():
            self._place.look()

    def reference_model(self) -> ModelEntry | None:
        """The first model that can check a volume; None if there is none."""
        return self._model.reference_model()

    def reload_models(self) -> None:
        """The list of models has changed."""
        self._model.reload()

    def cleanup(self) -> None:
        """The window goes."""
        self._parameters = None
        self._tell_parts(None)
        self._place.cleanup()
        self._similarity.cleanup()

    def _missing(self, volume_node: slicer.vtkMRMLScalarVolumeNode | None) -> str:
        """What the user has to do before bases can be shown; empty if nothing."""
        if volume_node is None:
            return _("Choose a volume first.")
        return self._model.hindrance()

    def _hindrance(self) -> str:
        """Why what is shown cannot go on; empty if it can."""
        if self._python.lack():
            text = _(
                "What computes (PyTorch and more) is not set up: {button} does it, after a yes."
            )
            return text.format(button=_("Show bases"))
        if self._is_stale():
            return _("The volume has changed since: show the bases again.")
        return ""

    def _is_stale(self) -> bool:
        return self._view is not None and self._view.exists and self._view.stale()

    def _remark(self, text: str) -> None:
        label, warn = self.ui.hindranceLabel, bool(text) and self._is_stale()
        label.setText(text)
        tint(label, Kind.WARNING if warn else None)
        label.setMargin(MARGIN if warn else 0)
        label.setVisible(bool(text))

    def _step(self) -> Step:
        return Step.HALF if self._parameters is None else self._parameters.step

    # The view of the chosen volume.

    def _look_at(self, volume_node: slicer.vtkMRMLScalarVolumeNode | None) -> None:
        """Show the view of a volume, if it has one; those of other volumes are not drawn."""
        view = self._view
        if view is not None and view.exists and view.volume is volume_node is not None:
            return
        if view is not None and view.exists and view.volume is None:
            view.remove()
        found = PositionView.of(volume_node)
        if view is None and found is None:
            return
        self._show_view(found)

    def _show_view(self, view: PositionView | None) -> None:
        """Draw a view instead of the one before; None draws none."""
        before = self._view
        if before is not None and before.exists:
            before.show(False)
            images = [node for node in (before.chosen_node, before.errors_node) if node]
            lay_over(None, images, slicer.mrmlScene)
        if view is not None:
            view.show(True)
        self._tell_parts(view)

    def _tell_parts(self, view: PositionView | None) -> None:
        """Have all parts be about a view; the scene is left alone."""
        self._view = view
        if view is not None:
            self._similarity.show(view)
        self._crop.show(view)
        self._sweep.show(view)
        self._export.show(view)
        self.ui.positionsResultWidget.setVisible(view is not None)

    def _start(self) -> None:
        parameters = self._parameters
        if parameters is None or parameters.volume is None or not self._prepared():
            return
        self._message.clear()
        volume_node, model = parameters.volume, self._model.key
        try:
            check_volume(volume_node)
            as_asked = VolumeState.of(volume_node)
        except VoCoSlicerError as error:
            self._message.show(Kind.ERROR, str(error))
            return

        def answered(report: Any) -> None:
            if volume_node.GetScene() is None or self._parameters is not parameters:
                return
            self._show_view(None)
            self._show_view(PositionView.create(volume_node, model, report, as_asked))
            if report["notes"]:
                self._message.show(Kind.NOTE, "\n".join(map(translated, report["notes"])))

        params = {"model": model, "grid": list(self._model.counts()), "crops": []}
        self._button.ask("positions", volume_node, params, answered)

    def _remove(self) -> None:
        view = self._view
        self._sweep.button.stop()
        self._export.button.stop()
        self._show_view(None)
        if view is not None and view.exists:
            view.remove()
        self._message.clear()
        self.update()

    # What is said.

    def _prepared(self) -> bool:
        """Whether Python is set up; asks the user where it is not."""
        return self._python.ready(self._message) is not None

    def _say(self, error: WorkerError) -> None:
        self._message.show(Kind.ERROR, error.message, error.details)
