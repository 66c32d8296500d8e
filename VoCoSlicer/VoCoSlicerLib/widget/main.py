"""The window: its parts, and what happens between them."""

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.parameters import Input, Parameters
from VoCoSlicerLib.segmenting.cost import ask_cost
from VoCoSlicerLib.segmenting.outcome import Outcome
from VoCoSlicerLib.segmenting.run import Settings
from VoCoSlicerLib.segmenting.segmenter import Segmenter
from VoCoSlicerLib.widget.chosen_python import ChosenPython
from VoCoSlicerLib.widget.environment import EnvironmentPanel
from VoCoSlicerLib.widget.estimate import EstimatePart
from VoCoSlicerLib.widget.input import Chosen, InputPart
from VoCoSlicerLib.widget.message import Kind, MessagePart
from VoCoSlicerLib.widget.models import ModelsPart
from VoCoSlicerLib.widget.positions.jobs import Jobs
from VoCoSlicerLib.widget.positions.panel import PositionsPanel
from VoCoSlicerLib.widget.region import check_region
from VoCoSlicerLib.widget.remembered import recall, remember
from VoCoSlicerLib.widget.results import ResultsPart, made_by
from VoCoSlicerLib.widget.run import RunPart
from VoCoSlicerLib.widget.segmentation import SegmentationPart
from VoCoSlicerLib.widget.structures import StructuresPart
from VoCoSlicerLib.widget.training import TrainingPanel
from VoCoSlicerLib.widget.volume_check import VolumeCheckPart
from VoCoSlicerLib.widget.ways_out import WaysOutPart


class Window:
    """What the user sees."""

    def __init__(self, ui: Any, segmenter: Segmenter) -> None:
        """Put the parts together.

        Args:
            ui: the widgets of ``VoCoSlicer.ui`` by name.
            segmenter: does the work.
        """
        self._ui = ui
        self._parameters: Parameters | None = None
        self._showing = False
        self._message = MessagePart(ui)
        self.environment = EnvironmentPanel(ui.environmentLayout, self._environment_changed)
        self._python = ChosenPython(self.environment, segmenter)
        self.jobs = Jobs(
            self._python.worker,
            lambda: self.environment.device,
            self._hindrance_to_ask,
            self._jobs_changed,
        )
        self._run = RunPart(ui, segmenter, self.jobs, self._message, self.apply, self._ended)
        self._input = InputPart(ui, self._volumes_changed)
        self.models = ModelsPart(ui, self._python, self._message, self._model_chosen)
        self._structures = StructuresPart(ui, self._structures_changed)
        self._ways_out = WaysOutPart(ui, self.environment, self._input, self._message)
        self.estimate = EstimatePart(ui, self._ask_cost, self._ways_out)
        self.results = ResultsPart(ui, self._say_error)
        self._segmentation = SegmentationPart(ui, self.results, self._message)
        self.positions = PositionsPanel(
            ui.positionsLayout,
            self.jobs,
            self._python,
            lambda: self._run.busy,
            self.models.entries,
        )
        self.check = VolumeCheckPart(ui, self.jobs, self.positions.reference_model)
        self.training = TrainingPanel(ui.trainingLayout, self.environment, self.models.adopt)
        self._later = qt.QTimer()
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.connect("timeout()", self._nodes_changed)
        self._shortcut = qt.QShortcut(qt.QKeySequence("Ctrl+Return"), ui.applyButton)
        self._shortcut.connect("activated()", ui.applyButton.click)

    @property
    def uis(self) -> list[Any]:
        """The forms whose widgets show parameters of the scene."""
        return [self._ui, self.positions.ui]

    # The scene's parameters.

    def set_parameters(self, parameters: Parameters | None) -> None:
        """Show the choices of a scene; None while there is no scene."""
        self._parameters = None
        if parameters is None:
            self.estimate.clear()
            self.check.forget()
        else:
            if not parameters.model:
                recall(parameters)
            if parameters.volume is None:
                parameters.volume = _first_volume()
            self.models.choose(parameters.model)
        self._parameters = parameters
        self._ways_out.set_parameters(parameters)
        self.positions.set_parameters(parameters)
        self._model_chosen()
        self._segmentation.set_parameters(parameters)

    def parameters_changed(self) -> None:
        """Something was chosen, by the user, a script or an opened scene."""
        if self._parameters is not None and not self._showing:
            if self._parameters.model != self.models.key:
                self.models.choose(self._parameters.model)
            if set(self._parameters.left_out) != set(self._structures.left_out()):
                self._show_structures(self._parameters)
            self._segmentation.update()
            self._show()

    def scene_changed(self) -> None:
        """A node came or went."""
        self._later.start()
        if self._parameters is not None and self._parameters.input is Input.VOLUMES:
            self._show()

    def _nodes_changed(self) -> None:
        self.jobs.volumes_removed()
        self.positions.update()

    def _environment_changed(self) -> None:
        """Nothing answers any more what was asked of another Python."""
        self.jobs.drop()
        self._show()

    def _show(self) -> None:
        """Bring everything in line with the choices."""
        parameters = self._parameters
        if parameters is None or self._run.busy or self._showing:
            return
        self._showing = True
        try:
            remember(parameters)
            self._input.show(parameters, self._channels)
            hindrance = self._hindrance(parameters)
            self._run.button.idle(hindrance)
            self.check.about(self._checkable(parameters))
            self._renew_estimate(parameters, hindrance)
            self.positions.update()
        finally:
            self._showing = False

    def _hindrance(self, parameters: Parameters) -> str:
        if self.models.fetching:
            return _("Wait until the weights are here.")
        hindrance = self.models.hindrance() or self._input.hindrance(parameters, self._channels)
        if not hindrance and not self._structures.wanted():
            return _("Tick at least one structure first.")
        return hindrance

    @property
    def _channels(self) -> int:
        entry = self.models.entry
        return 1 if entry is None else entry.channels

    def _model_chosen(self) -> None:
        parameters = self._parameters
        if parameters is None:
            return
        parameters.model = self.models.key
        self.positions.reload_models()
        self._show_structures(parameters)
        self._show()

    def _show_structures(self, parameters: Parameters) -> None:
        entry = self.models.entry
        structures = () if entry is None else entry.structures
        self._structures.show(structures, list(parameters.left_out))

    def _structures_changed(self) -> None:
        if self._parameters is not None:
            self._parameters.left_out = self._structures.left_out()

    def _volumes_changed(self) -> None:
        if self._parameters is not None:
            self._parameters.volumes = self._input.volumes.ticked()

    # Before a run: what it will take, and whether the volume lies right.

    def _renew_estimate(self, parameters: Parameters, hindrance: str) -> None:
        if hindrance:
            self.estimate.clear()
            return
        lack = self._python.lack()
        if lack:
            self.estimate.say(lack)
        else:
            self.estimate.renew(several=parameters.input is not Input.VOLUME)

    def _ask_cost(self, answered: Callable[[Any], None], failed: Callable[[str], None]) -> None:
        """Ask what a run will take, and check the volume after: that would make it look slow."""
        parameters = self._parameters
        if parameters is None or self._run.busy:
            return

        def then_check(estimate: Any) -> None:
            answered(estimate)
            self.check.renew()

        try:
            chosen = self._input.chosen(parameters, self._channels)
            settings = self._settings(parameters, chosen)
            ask_cost(self._python.worker(), chosen.series, settings, then_check, failed)
        except VoCoSlicerError as error:
            failed(str(error))

    def _checkable(self, parameters: Parameters) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The volume whose orientation can be checked; None where there is none or many."""
        one = parameters.input is Input.VOLUME and self._channels == 1
        return parameters.volume if one else None

    # A run.

    def apply(self) -> None:
        """Start a run of what is chosen."""
        parameters = self._parameters
        if parameters is None:
            return
        self._message.clear()
        try:
            if not self._agrees(parameters):
                return
            chosen = self._input.chosen(parameters, self._channels)
            environment = self._python.ready(self._message)
            if environment is None:
                return
            settings = self._settings(parameters, chosen)
        except VoCoSlicerError as error:
            self._say_error(str(error))
            return
        self.estimate.clear()
        self.check.about(None)
        self._run.start(chosen, settings, environment)
        self.positions.update()

    def _agrees(self, parameters: Parameters) -> bool:
        """Whether the user wants a volume segmented that does not look right.

        Raises:
            VoCoSlicerError: The region of interest misses the volume.
        """
        volume_node, region = parameters.volume, parameters.region
        if parameters.input is Input.VOLUME and None not in (volume_node, region):
            check_region(region, volume_node)
        return self.check.agrees(self._checkable(parameters))

    def _settings(self, parameters: Parameters, chosen: Chosen) -> Settings:
        wanted = self._structures.wanted()
        return Settings(
            model=parameters.model,
            structures=None if len(wanted) == len(self._structures.names()) else wanted,
            region=parameters.region,
            device=self.environment.device,
            threads=self.environment.threads,
            overlap=parameters.overlap.share,
            small_tiles=parameters.small_tiles,
            show_3d=parameters.show_in_3d,
            further_channels=chosen.further_channels,
        )

    def _ended(self, outcome: Outcome) -> None:
        if outcome.results:
            self._show_results(outcome)
        self._show()

    def _show_results(self, outcome: Outcome) -> None:
        segmentations = [n for n in outcome.nodes if n.IsA("vtkMRMLSegmentationNode")]
        if self._parameters is not None and len(outcome.results) == 1 and segmentations:
            self._parameters.segmentation = segmentations[0]
        entry = self.models.entry
        colors = {} if entry is None else {s.name: s.color for s in entry.structures}
        self.results.show(outcome.results, colors, made_by(outcome.results[-1].provenance))

    # What else the worker is asked.

    def _hindrance_to_ask(self) -> str:
        if self._run.busy:
            return _("A segmentation is running: wait for it, or cancel it.")
        if self._python.lack():
            return _("What computes is not set up yet.")
        return ""

    def _jobs_changed(self) -> None:
        self._run.look()
        self.positions.update()
        self.check.look()

    def _say_error(self, text: str) -> None:
        self._message.show(Kind.ERROR, text)

    def cleanup(self) -> None:
        """The window goes: stop what it started."""
        self.set_parameters(None)
        self.jobs.close()
        self.positions.cleanup()
        self._later.stop()
        self._run.close()
        self.models.cleanup()
        self.training.cleanup()
        self.environment.cleanup()


def _first_volume() -> slicer.vtkMRMLScalarVolumeNode | None:
    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
