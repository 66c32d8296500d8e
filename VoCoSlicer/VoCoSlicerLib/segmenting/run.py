"""A series of volumes through the worker into the scene, step by step, until it ends or stops."""

import logging
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import slicer
import vtk
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.batches import Item, Series
from VoCoSlicerLib.scene.import_result import showing_3d
from VoCoSlicerLib.scene.measures import rows_of_result
from VoCoSlicerLib.scene.steps import Steps
from VoCoSlicerLib.scene.transfer import region_of, writing_volume
from VoCoSlicerLib.segmenting.outcome import End, ItemResult, Listener, Outcome, Progress
from VoCoSlicerLib.worker.messages import CANCELLED, USER_ERROR, WorkerError
from VoCoSlicerLib.worker.words import translated

BREATH = 0.02
"""Seconds of work in the main thread before the window gets its turn."""

Later = Callable[[int, Callable[[], None]], None]
"""Calls a function in the main thread after some milliseconds."""


class WorkerLike(Protocol):
    """What a run needs of ``VoCoSlicerLib.worker.process.Worker``."""

    def request(
        self,
        method: str,
        params: dict[str, Any],
        on_result: Callable[[Any], None],
        on_error: Callable[[WorkerError], None],
        on_progress: Callable[[int, int, str, float | None], None] | None = None,
        on_note: Callable[[str], None] | None = None,
    ) -> int:
        """Ask the worker; the answer comes later."""

    def cancel(self, id: int) -> None:
        """Stop a request; it ends with error 2."""


@dataclass(frozen=True)
class Settings:
    """What a run is asked for.

    Attributes:
        model: name, folder or checkpoint file.
        structures: names of the wanted ones, or None for all.
        region: only this box is computed; None computes everything.
        device: "auto" or a name that the worker knows.
        threads: of the processor, or None for the worker's choice.
        overlap: share of a tile's side, or None for the model's own.
        small_tiles: tiles of about half the sides: less memory, slower, a little worse.
        show_3d: whether the results get surfaces.
        further_channels: the second and further volumes of a model that takes several.
    """

    model: str
    structures: Sequence[str] | None = None
    region: slicer.vtkMRMLMarkupsROINode | None = None
    device: str = "auto"
    threads: int | None = None
    overlap: float | None = None
    small_tiles: bool = False
    show_3d: bool = False
    further_channels: Sequence[slicer.vtkMRMLScalarVolumeNode] = ()


class Run:
    """One run. ``start`` it; the listener hears of its end once, also when it is cancelled."""

    def __init__(
        self,
        series: Series,
        settings: Settings,
        worker: WorkerLike,
        listener: Listener,
        later: Later,
        needed: Sequence[slicer.vtkMRMLNode] = (),
        folder: Path | None = None,
    ) -> None:
        """Prepare a run; nothing happens before ``start``.

        Args:
            series: the volumes and where their results go.
            settings: what to compute.
            worker: computes.
            listener: hears how it goes.
            later: how to give the window its turn.
            needed: nodes whose removal from the scene ends the run.
            folder: where files for the worker lie while it runs; the system's by default.
        """
        self._series = series
        self._settings = settings
        self._worker = worker
        self._listener = listener
        self._later = later
        self._needed = list(needed)
        self._folder = Path(tempfile.mkdtemp(prefix="VoCo-", dir=folder))
        self._outcome = Outcome()
        self._started = time.monotonic()
        self._request: int | None = None
        self._stop_reason: str | None = None
        self._scene_closed = False
        self._observers: list[tuple[slicer.vtkMRMLScene, int]] = []
        self.running = False

    def start(self) -> None:
        """Begin with the first volume."""
        self.running = True
        self._observe_scene()
        self._soon(lambda: self._write(0))

    def cancel(self, reason: str = "") -> None:
        """Stop as soon as possible; the listener's ``ended`` follows within two seconds."""
        if not self.running or self._stop_reason is not None:
            return
        self._stop_reason = reason
        if self._request is not None:
            self._worker.cancel(self._request)
        # Between two steps nothing waits for the worker: the next step sees the reason.

    def abandon(self) -> None:
        """Drop the run at once; the listener hears nothing more."""
        if self.running:
            self._let_go()
            if not self._scene_closed:
                self._series.discard()

    def _observe_scene(self) -> None:
        scene = slicer.mrmlScene

        @vtk.calldata_type(vtk.VTK_OBJECT)  # type: ignore[untyped-decorator]
        def removed(_caller: Any, _event: str, node: slicer.vtkMRMLNode) -> None:
            if node in self._needed:
                self.cancel(
                    _("{name} was removed from the scene: the run was stopped.").format(
                        name=node.GetName()
                    )
                )

        def closed(_caller: Any, _event: str) -> None:
            self._scene_closed = True
            self.cancel(_("The scene was closed: the run was stopped."))

        events = slicer.vtkMRMLScene
        self._observers = [
            (scene, scene.AddObserver(events.StartCloseEvent, closed)),
            (scene, scene.AddObserver(events.NodeAboutToBeRemovedEvent, removed)),
        ]

    # One volume: write, compute, take the result.

    def _write(self, number: int) -> None:
        if self._stopping():
            return
        item = self._series.items[number]
        channels = range(1, 2 + len(self._settings.further_channels))
        paths = [self._folder / f"{number}-{channel}.nrrd" for channel in channels]
        what = _("Preparing {title}").format(title=item.title)
        self._take_steps(item, what, self._writing(item, paths), lambda: self._compute(item, paths))

    def _writing(self, item: Item, paths: list[Path]) -> Steps[None]:
        yield from self._series.writing(item, paths[0])
        for volume_node, path in zip(self._settings.further_channels, paths[1:], strict=True):
            yield from writing_volume(volume_node, path)

    def _compute(self, item: Item, paths: list[Path]) -> None:
        if self._stopping():
            return
        output = self._folder / f"{item.number}.seg.nrrd"
        settings = self._settings
        try:
            region = region_of(settings.region) if settings.region is not None else None
        except VoCoSlicerError as problem:
            self._fail(str(problem))
            return

        def progress(done: int, total: int, what: str, seconds_left: float | None) -> None:
            share = done / total if total else 0.0
            self._progress(item, share, self._of_series(item, what), seconds_left)

        def result(answer: Mapping[str, Any]) -> None:
            self._request = None
            # Not in the worker's own callback: an error there would be the connection's.
            self._soon(lambda: self._accept(item, output, answer))

        def refused(error: WorkerError) -> None:
            self._request = None
            self._refused(item, error)

        self._progress(item, 0.0, self._of_series(item, _("Loading the model")))
        self._request = self._worker.request(
            "segment",
            {
                "images": [str(path) for path in paths],
                "output": str(output),
                "model": settings.model,
                "device": settings.device,
                "threads": settings.threads,
                "overlap": settings.overlap,
                "small_windows": settings.small_tiles,
                "structures": None if settings.structures is None else list(settings.structures),
                "region": region,
            },
            result,
            refused,
            progress,
            self._listener.note,
        )

    def _accept(self, item: Item, output: Path, result: Mapping[str, Any]) -> None:
        if self._stopping():
            return

        def accepted() -> None:
            self._outcome.results.append(
                ItemResult(item.title, rows_of_result(result), result["provenance"])
            )
            self._outcome.notes += map(translated, result.get("notes", []))
            self._next(item)

        steps = self._series.accepting(item, output, result)
        self._take_steps(item, _("Taking over the result"), steps, accepted, share=1.0)

    def _refused(self, item: Item, problem: WorkerError) -> None:
        if self._stop_reason is not None or problem.code == CANCELLED:
            self._stop_reason = self._stop_reason or ""
            self._stopping()
        elif problem.code == USER_ERROR:
            self._next(item, failure=problem.message)
        else:
            self._outcome.detail = problem.details
            self._fail(problem.message)

    def _next(self, item: Item, failure: str = "") -> None:
        self._remove_files(item)
        if failure and len(self._series.items) == 1:
            self._fail(failure)
            return
        if failure:
            self._outcome.failures.append(f"{item.title}: {failure}")
        if item.number + 1 < len(self._series.items):
            self._soon(lambda: self._write(item.number + 1))
        else:
            self._finish()

    def _finish(self) -> None:
        if self._outcome.failures and not self._outcome.results:
            self._fail(
                _("No volume could be segmented: {why}").format(
                    why=" ".join(self._outcome.failures)
                )
            )
            return
        try:
            self._outcome.nodes = self._series.finish()
        except VoCoSlicerError as error:
            self._fail(str(error))
            return
        shown = [n for n in self._outcome.nodes if n.IsA("vtkMRMLSegmentationNode")]
        if not (self._settings.show_3d and shown):
            self._end(End.DONE)
            return
        last = self._series.items[-1]
        surfaces = _one_after_the_other([showing_3d(node) for node in shown])
        self._take_steps(
            last, _("Making the surfaces"), surfaces, lambda: self._end(End.DONE), share=1.0
        )

    # How it ends.

    def _stopping(self) -> bool:
        """End here if the run is to stop; whether it has ended."""
        if not self.running:
            return True
        if self._stop_reason is None:
            return False
        self._outcome.message = self._stop_reason
        if self._scene_closed:
            self._outcome.results.clear()
        elif self._outcome.results:
            # Of several volumes, or while surfaces are made: what is done is worth keeping.
            self._keep()
        else:
            self._series.discard()
        self._end(End.CANCELLED)
        return True

    def _keep(self) -> None:
        if not self._outcome.nodes:
            try:
                self._outcome.nodes = self._series.finish()
            except VoCoSlicerError as error:
                self._outcome.failures.append(str(error))

    def _fail(self, message: str) -> None:
        if self._outcome.results and not self._scene_closed:
            self._keep()
        self._outcome.message = message
        self._end(End.FAILED)

    def _end(self, end: End) -> None:
        if not self.running:
            return
        self._let_go()
        self._outcome.end = end
        self._outcome.seconds = time.monotonic() - self._started
        self._listener.ended(self._outcome)

    def _let_go(self) -> None:
        self.running = False
        for scene, observer in self._observers:
            scene.RemoveObserver(observer)
        shutil.rmtree(self._folder, ignore_errors=True)

    # Work in the main thread, in short pieces.

    def _take_steps(
        self,
        item: Item,
        what: str,
        steps: Steps[None],
        then: Callable[[], None],
        share: float = 0.0,
    ) -> None:
        """Take all steps, then go on.

        Args:
            item: the volume at hand.
            what: the steps do, for the user.
            steps: what to do.
            then: what to do next.
            share: of the volume that is done.
        """
        self._progress(item, share, self._of_series(item, what))

        def go_on() -> None:
            if self._stop_reason is not None or not self.running:
                steps.close()
                self._stopping()
                return
            until = time.monotonic() + BREATH
            try:
                while time.monotonic() < until:
                    next(steps)
            except VoCoSlicerError as error:
                self._next(item, failure=str(error))
            except StopIteration:
                then()
            else:
                self._soon(go_on)

        self._soon(go_on)

    def _soon(self, call: Callable[[], None]) -> None:
        """Call when the window has had its turn; a bug ends the run, or it would never end."""

        def guarded() -> None:
            try:
                call()
            except Exception as error:
                logging.exception("A run ended with a bug.")
                self._outcome.detail = traceback.format_exc()
                self._fail(_("Something went wrong that should not: {error}").format(error=error))

        self._later(0, guarded)

    def _progress(
        self, item: Item, share: float, what: str, seconds_left: float | None = None
    ) -> None:
        if self._stop_reason is None:
            count = len(self._series.items)
            self._listener.progress(
                Progress((item.number + min(share, 1.0)) / count, what, seconds_left)
            )

    def _of_series(self, item: Item, what: str) -> str:
        count = len(self._series.items)
        if count == 1:
            return what
        return _("{number} of {count}, {title}: {what}").format(
            number=item.number + 1, count=count, title=item.title, what=what
        )

    def _remove_files(self, item: Item) -> None:
        for file in self._folder.glob(f"{item.number}[.-]*"):
            file.unlink(missing_ok=True)


def _one_after_the_other(works: Sequence[Steps[None]]) -> Steps[None]:
    for number, steps in enumerate(works):
        for share in steps:
            yield (number + share) / len(works)
