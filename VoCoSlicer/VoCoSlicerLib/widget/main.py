"""The window: its parts, and what happens between them."""

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.parameters import Input, Overlap, Parameters
from VoCoSlicerLib.scene.import_result import computed_segments, show_3d, showing_3d
from VoCoSlicerLib.scene.measures import StructureMeasure, measuring
from VoCoSlicerLib.scene.steps import Steps
from VoCoSlicerLib.scene.transfer import region_of, volume_inside
from VoCoSlicerLib.segmenting.cost import ask_cost
from VoCoSlicerLib.segmenting.outcome import End, ItemResult, Outcome, Progress
from VoCoSlicerLib.segmenting.run import Settings
from VoCoSlicerLib.segmenting.segmenter import Segmenter
from VoCoSlicerLib.widget.apply import ApplyPart, duration
from VoCoSlicerLib.widget.environment import EnvironmentPanel
from VoCoSlicerLib.widget.estimate import EstimatePart
from VoCoSlicerLib.widget.input import Chosen, InputPart
from VoCoSlicerLib.widget.message import Kind, MessagePart
from VoCoSlicerLib.widget.models import ModelsPart
from VoCoSlicerLib.widget.positions.jobs import Jobs
from VoCoSlicerLib.widget.positions.panel import PositionsPanel
from VoCoSlicerLib.widget.positions.ready import Readiness
from VoCoSlicerLib.widget.remembered import recall, remember
from VoCoSlicerLib.widget.results import ResultsPart
from VoCoSlicerLib.widget.structures import StructuresPart
from VoCoSlicerLib.widget.training import TrainingPanel
from VoCoSlicerLib.widget.volume_check import VolumeCheckPart
from VoCoSlicerLib.worker.environment import PythonEnvironment
from VoCoSlicerLib.worker.messages import WorkerError
from VoCoSlicerLib.worker.process import Worker
from VoCoSlicerLib.worker.setup import missing_packages


class Window:
    """What the user sees; also the listener of the runs that it starts."""

    def __init__(self, ui: Any, segmenter: Segmenter) -> None:
        """Put the parts together.

        Args:
            ui: the widgets of ``VoCoSlicer.ui`` by name.
            segmenter: does the work.
        """
        self._ui = ui
        self._segmenter = segmenter
        self._parameters: Parameters | None = None
        self._showing = False
        self._starting = False
        self._message = MessagePart(ui)
        self.environment = EnvironmentPanel(ui.environmentLayout, self._environment_changed)
        self.results = ResultsPart(ui, self._measure, self._say_error)
        self._structures = StructuresPart(ui, self._structures_changed)
        self._input = InputPart(ui, self._volumes_changed)
        self._apply = ApplyPart(ui, self.apply, self._cancel)
        self.estimate = EstimatePart(
            ui,
            self._ask_estimate_and_check,
            self._use_cpu,
            self._use_small_tiles,
            self._use_less_overlap,
            self._crop,
        )
        self.models = ModelsPart(
            ui, self._message.show, self._ready, self._check_model, self._model_chosen
        )
        self._readiness = Readiness(self.environment)
        self.jobs = Jobs(self._worker, self._device, self._hindrance_to_ask, self._jobs_changed)
        self.positions = PositionsPanel(
            ui.positionsLayout, self.jobs, self._readiness, self._is_busy, self.models.entries
        )
        self.check = VolumeCheckPart(ui, self.jobs, self.positions.reference_model)
        self.training = TrainingPanel(ui.trainingLayout, self.environment, self.models.adopt)
        self._later = qt.QTimer()
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.connect("timeout()", self._nodes_changed)
        self._shortcut = qt.QShortcut(qt.QKeySequence("Ctrl+Return"), ui.applyButton)
        self._shortcut.connect("activated()", ui.applyButton.click)
        self._shown: Any = None
        self._volume: slicer.vtkMRMLScalarVolumeNode | None = None

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
            self.results.clear()
            self.check.forget()
            self.positions.set_parameters(None)
            self._volume = None
            return
        if not parameters.model:
            recall(parameters)
        if parameters.volume is None:
            parameters.volume = _first_volume()
        self.models.choose(parameters.model)
        self._volume = parameters.volume
        self._parameters = parameters
        self.positions.set_parameters(parameters)
        self._model_chosen()
        if not self.results.shown and parameters.volume and _is_computed(parameters.segmentation):
            self._measure()

    def parameters_changed(self) -> None:
        """Something was chosen, by the user, a script or an opened scene."""
        if self._parameters is not None and not self._showing:
            if self._parameters.model != self.models.key:
                self.models.choose(self._parameters.model)
            if set(self._parameters.left_out) != set(self._structures.left_out()):
                self._show_structures(self._parameters)
            self._take_another_segmentation()
            self._toggle_3d()
            self._show()

    def _take_another_segmentation(self) -> None:
        """For another volume: a result must not end up among another patient's structures."""
        parameters = self._parameters
        assert parameters is not None
        volume_node, segmentation_node = parameters.volume, parameters.segmentation
        if volume_node is self._volume:
            return
        self._volume = volume_node
        self._message.clear()
        if segmentation_node is None or _is_of(segmentation_node, volume_node):
            return
        self._showing = True
        parameters.segmentation = None
        self._showing = False
        self.results.clear()

    def scene_changed(self) -> None:
        """A node came or went."""
        self._later.start()
        if self._parameters is not None and self._parameters.input is Input.VOLUMES:
            self._show()

    def _show(self) -> None:
        """Bring everything in line with the choices."""
        parameters = self._parameters
        if parameters is None or self._is_busy() or self._showing:
            return
        self._showing = True
        try:
            remember(parameters)
            self._input.show(parameters, self._channels)
            hindrance = self._hindrance(parameters)
            self._apply.idle(hindrance)
            self.check.about(self._checkable(parameters))
            self._renew_estimate(parameters, hindrance)
            self.positions.update()
        finally:
            self._showing = False

    def _is_busy(self) -> bool:
        """Whether a run goes on, or waits for the worker to stop something else."""
        return self._segmenter.running or self._starting

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

    # The estimate, and the ways out.

    def _renew_estimate(self, parameters: Parameters, hindrance: str) -> None:
        if hindrance:
            self.estimate.clear()
            return
        try:
            environment = self.environment.environment()
        except VoCoSlicerError as error:
            self.estimate.say(str(error))
            return
        if environment.of_slicer and missing_packages():
            self.estimate.say(
                _("Apply first sets up what computes (PyTorch and more), after asking you.")
            )
            return
        self.estimate.renew(
            several=parameters.input is not Input.VOLUME,
            cpu=self.environment.device != "cpu",
            less_overlap=parameters.overlap is not Overlap.LITTLE,
            crop=parameters.region is None,
        )

    def _ask_estimate(self, answered: Callable[[Any], None], failed: Callable[[str], None]) -> None:
        parameters = self._parameters
        if parameters is None or self._segmenter.running:
            return
        try:
            series = self._input.chosen(parameters, self._channels).series
            region = parameters.region
            params = {
                "model": parameters.model,
                "device": self.environment.device,
                "overlap": parameters.overlap.share,
                "small_windows": parameters.small_tiles,
                "region": None if region is None else region_of(region),
            }
            worker = self._segmenter.worker(self.environment.environment())
        except VoCoSlicerError as error:
            failed(str(error))
            return
        ask_cost(worker, series, params, answered, failed)

    def _ask_estimate_and_check(
        self, answered: Callable[[Any], None], failed: Callable[[str], None]
    ) -> None:
        """Check the volume only after the estimate: the check would make it look slow."""

        def then_check(estimate: Any) -> None:
            answered(estimate)
            self.check.renew()

        self._ask_estimate(then_check, failed)

    def _checkable(self, parameters: Parameters) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The volume whose orientation can be checked; None where there is none or many."""
        one = parameters.input is Input.VOLUME and self._channels == 1
        return parameters.volume if one else None

    def _use_cpu(self) -> None:
        self.environment.device = "cpu"

    def _use_small_tiles(self) -> None:
        if self._parameters is not None:
            self._parameters.small_tiles = True

    def _use_less_overlap(self) -> None:
        if self._parameters is not None:
            self._parameters.overlap = Overlap.LITTLE

    def _crop(self) -> None:
        """Make a box around the whole volume, for the user to make smaller."""
        parameters = self._parameters
        volume_node = None if parameters is None else self._input.first_volume(parameters)
        if parameters is None or volume_node is None:
            return
        region = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", _("Region"))
        region.CreateDefaultDisplayNodes()
        bounds = [0.0] * 6
        volume_node.GetRASBounds(bounds)
        sides = list(zip(bounds[::2], bounds[1::2], strict=True))
        region.SetCenter([(low + high) / 2 for low, high in sides])
        region.SetSize([high - low for low, high in sides])
        region.GetDisplayNode().SetFillVisibility(False)
        parameters.region = region
        self._ui.advancedCollapsibleButton.collapsed = False
        self._message.show(
            Kind.NOTE,
            _("Drag the box in the slice views around what you need, then press Apply."),
        )

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
            environment = self._ready()
            if environment is None:
                return
            wanted = self._structures.wanted()
            settings = Settings(
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
        except VoCoSlicerError as error:
            self._say_error(str(error))
            return
        self.estimate.clear()
        self.check.about(None)
        self._lock(True)
        self._apply.started()
        self._starting = True
        self.jobs.make_room(lambda: self._start(chosen, settings, environment))

    def _agrees(self, parameters: Parameters) -> bool:
        """Whether the user wants a volume segmented that does not look right.

        Raises:
            VoCoSlicerError: The region of interest misses the volume.
        """
        volume_node, region = parameters.volume, parameters.region
        if parameters.input is not Input.VOLUME or volume_node is None:
            return True
        if region is not None and not volume_inside(region, volume_node):
            text = _(
                "The region {region} lies outside {volume}: drag it onto the volume, or choose "
                "the whole volume under Advanced."
            )
            raise VoCoSlicerError(
                text.format(region=region.GetName(), volume=volume_node.GetName())
            )
        question = self.check.question(self._checkable(parameters))
        title = _("Orientation of the volume")
        return not question or slicer.util.confirmYesNoDisplay(question, windowTitle=title)

    def _start(self, chosen: Chosen, settings: Settings, environment: PythonEnvironment) -> None:
        """Begin a run, now that the worker is free; the user may have changed her mind."""
        if not self._starting:
            return
        self._starting = False
        needed = [*chosen.needed, *([settings.region] if settings.region else [])]
        try:
            self._segmenter.start(chosen.series, settings, environment, self, needed)
        except VoCoSlicerError as error:
            self._lock(False)
            self._say_error(str(error))
            self._show()
        self.positions.update()

    def _cancel(self) -> None:
        if not self._starting:
            self._segmenter.cancel()
            return
        self._starting = False
        self.ended(Outcome(End.CANCELLED))

    def progress(self, progress: Progress) -> None:
        """The run goes on."""
        self._apply.progress(progress)

    def note(self, text: str) -> None:
        """The worker remarks something."""
        self._message.show(Kind.NOTE, text)

    def ended(self, outcome: Outcome) -> None:
        """The run is over."""
        self._lock(False)
        self._apply.idle()
        if outcome.results:
            self._show_results(outcome)
        self._say_how_it_ended(outcome)
        self._show()

    def _say_how_it_ended(self, outcome: Outcome) -> None:
        remarks = [*outcome.notes, *outcome.failures]
        if outcome.end is End.FAILED:
            self._message.show(Kind.ERROR, outcome.message, outcome.detail)
        elif outcome.end is End.CANCELLED:
            kept = _("Cancelled: {count} finished results are kept.")
            as_before = _("Cancelled: the scene is as it was.")
            count = len(outcome.results)
            said = outcome.message or (kept.format(count=count) if count else as_before)
            self._message.show(Kind.WARNING if outcome.message else Kind.NOTE, said)
        else:
            done = _("Done in {time}.").format(time=duration(outcome.seconds))
            kind = Kind.WARNING if outcome.failures else Kind.DONE
            self._message.show(kind, "\n".join([done, *remarks]))

    def _show_results(self, outcome: Outcome) -> None:
        segmentations = [n for n in outcome.nodes if n.IsA("vtkMRMLSegmentationNode")]
        if self._parameters is not None and len(outcome.results) == 1 and segmentations:
            self._parameters.segmentation = segmentations[0]
        entry = self.models.entry
        colors = {} if entry is None else {s.name: s.color for s in entry.structures}
        provenance = outcome.results[-1].provenance
        line = _("{model} ({hash}…) on {device}, {date}. Not for diagnosis or treatment.").format(
            model=provenance["model"],
            hash=provenance["hash"][:8],
            device=provenance["device"],
            date=provenance["date"][:10],
        )
        self.results.show(outcome.results, colors, line)

    def _lock(self, running: bool) -> None:
        """What a run has taken over cannot be changed while it goes on."""
        for button in ("inputs", "structures", "advanced"):
            getattr(self._ui, f"{button}CollapsibleButton").enabled = not running

    # What is done to a segmentation that is there.

    def _toggle_3d(self) -> None:
        parameters = self._parameters
        assert parameters is not None
        wanted = (parameters.segmentation, parameters.show_in_3d)
        before, self._shown = self._shown, wanted
        if before is None or before[0] is not wanted[0] or before[1] == wanted[1]:
            return
        if wanted[0] is not None and wanted[1]:
            self._in_the_background(showing_3d(wanted[0]), lambda _nothing: None)
        elif wanted[0] is not None:
            show_3d(wanted[0], False)

    def _measure(self) -> None:
        parameters = self._parameters
        if parameters is None or parameters.segmentation is None or parameters.volume is None:
            self._say_error(_("Choose the volume and its segmentation first."))
            return
        volume_node, segmentation_node = parameters.volume, parameters.segmentation

        def measured(rows: list[StructureMeasure]) -> None:
            title = volume_node.GetName()
            colors = _segment_colors(segmentation_node)
            line = _("Measured in the segmentation as it is now.")
            self.results.show([ItemResult(title, rows, {})], colors, line)

        ids = computed_segments(segmentation_node) or None
        self._in_the_background(measuring(segmentation_node, volume_node, ids), measured)

    def _in_the_background(self, steps: Steps[Any], then: Callable[[Any], None]) -> None:
        """Take the steps one by one between the window's events, as long as the scene is there."""
        parameters = self._parameters

        def step() -> None:
            if self._parameters is not parameters:
                steps.close()
                return
            try:
                next(steps)
            except StopIteration as end:
                then(end.value)
            except VoCoSlicerError as error:
                self._say_error(str(error))
            else:
                qt.QTimer.singleShot(0, step)

        step()

    # What else the worker is asked.

    def _worker(self) -> Worker:
        return self._segmenter.worker(self.environment.environment())

    def _device(self) -> str:
        return self.environment.device

    def _hindrance_to_ask(self) -> str:
        if self._is_busy():
            return _("A segmentation is running: wait for it, or cancel it.")
        if self._readiness.is_missing():
            return _("What computes is not set up yet.")
        return ""

    def _jobs_changed(self) -> None:
        if self._starting and self.jobs.idle:
            self._cancel()  # the scene or the worker went while Apply waited
        self.positions.update()
        self.check.look()

    def _nodes_changed(self) -> None:
        self.jobs.volumes_removed()
        self.positions.update()

    # Python.

    def _environment_changed(self) -> None:
        """Nothing answers any more what was asked of another Python."""
        self.jobs.drop()
        self._show()

    def _ready(self) -> PythonEnvironment | None:
        """The Python that computes, set up if the user agrees; None if it is not ready."""
        try:
            if self.environment.prepare():
                return self.environment.environment()
        except VoCoSlicerError as error:
            self._say_error(str(error))
        else:
            self._message.show(Kind.NOTE, _("Nothing was installed, so nothing can be computed."))
        return None

    def _check_model(
        self, path: str, checked: Callable[[Any], None], failed: Callable[[str, str], None]
    ) -> None:
        def refused(error: WorkerError) -> None:
            failed(error.message, error.details)

        worker = self._segmenter.worker(self.environment.environment())
        worker.request("model", {"model": path}, checked, refused)

    def _say_error(self, text: str) -> None:
        self._message.show(Kind.ERROR, text)

    def cleanup(self) -> None:
        """The window goes: stop what it started."""
        self._parameters = None
        self.estimate.clear()
        self.check.forget()
        self.jobs.close()
        self.positions.cleanup()
        self._later.stop()
        self._segmenter.close()
        self.models.cleanup()
        self.training.cleanup()
        self.environment.cleanup()


def _first_volume() -> slicer.vtkMRMLScalarVolumeNode | None:
    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")


def _is_of(
    segmentation_node: slicer.vtkMRMLSegmentationNode,
    volume_node: slicer.vtkMRMLScalarVolumeNode | None,
) -> bool:
    """Whether a segmentation was made on a volume."""
    role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    return segmentation_node.GetNodeReference(role) is volume_node


def _is_computed(segmentation_node: slicer.vtkMRMLSegmentationNode | None) -> bool:
    return segmentation_node is not None and bool(computed_segments(segmentation_node))


def _segment_colors(
    segmentation_node: slicer.vtkMRMLSegmentationNode,
) -> dict[str, tuple[int, int, int]]:
    segmentation = segmentation_node.GetSegmentation()
    segments = [segmentation.GetNthSegment(n) for n in range(segmentation.GetNumberOfSegments())]
    return {s.GetName(): tuple(round(255 * c) for c in s.GetColor()) for s in segments}
