"""Segmenting from a script, and the one worker that the window and scripts share."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.batches import Series
from VoCoSlicerLib.segmenting.one_volume import OneVolume
from VoCoSlicerLib.segmenting.outcome import End, Listener, Outcome, Progress
from VoCoSlicerLib.segmenting.run import Later, Run, Settings
from VoCoSlicerLib.worker.environment import PythonEnvironment, slicer_python
from VoCoSlicerLib.worker.process import Worker

DEFAULT_MODEL = "headneck-oar"

PAUSE = 0.005
"""Seconds between two turns of the event loop while a script waits."""


class Segmenter:
    """Starts runs, one at a time, and keeps the worker warm between them."""

    def __init__(self, later: Later, wait: Callable[[], None]) -> None:
        """Prepare; nothing is started.

        Args:
            later: calls a function in the main thread after some milliseconds.
            wait: lets Slicer's event loop turn once.
        """
        self._later, self._wait = later, wait
        self._worker: Worker | None = None
        self._run: Run | None = None
        self.on_log: Callable[[str], None] = lambda text: logging.debug("voco3d: %s", text)

    @property
    def running(self) -> bool:
        """Whether a run goes on."""
        return self._run is not None and self._run.running

    def worker(self, environment: PythonEnvironment) -> Worker:
        """The worker in this Python; one in another Python is ended."""
        if self._worker is not None and self._worker.environment != environment:
            self._worker.stop()
            self._worker = None
        if self._worker is None:
            self._worker = Worker(environment, lambda text: self.on_log(text))
        return self._worker

    def start(
        self,
        series: Series,
        settings: Settings,
        environment: PythonEnvironment,
        listener: Listener,
        needed: Sequence[slicer.vtkMRMLNode] = (),
    ) -> Run:
        """Start a run; it goes on while Slicer's event loop turns.

        Args:
            series: the volumes and where their results go.
            settings: what to compute.
            environment: the Python that computes.
            listener: hears how it goes.
            needed: nodes whose removal from the scene ends the run.

        Raises:
            VoCoSlicerError: Another run goes on.
        """
        if self.running:
            raise VoCoSlicerError(_("A segmentation is running: wait for it, or cancel it first."))
        self._run = Run(
            series,
            settings,
            self.worker(environment),
            listener,
            self._later,
            needed=needed,
            folder=Path(slicer.app.temporaryPath),
        )
        self._run.start()
        return self._run

    def segment(
        self,
        volume_node: slicer.vtkMRMLScalarVolumeNode,
        model: str = DEFAULT_MODEL,
        segmentation_node: slicer.vtkMRMLSegmentationNode | None = None,
        environment: PythonEnvironment | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        **settings: Any,
    ) -> slicer.vtkMRMLSegmentationNode:
        """Segment a volume and wait for the result; Slicer's window stays alive meanwhile.

        Args:
            volume_node: the volume.
            model: name, folder or checkpoint file.
            segmentation_node: gets the result; None makes a new one.
            environment: the Python that computes; Slicer's own by default.
            on_progress: is called as the run goes on.
            settings: further fields of ``Settings``.

        Returns:
            The segmentation.

        Raises:
            VoCoSlicerError: It cannot be done; the sentence says why. The scene is as before.
        """
        waiting = _Waiting(on_progress)
        needed = [node for node in (volume_node, segmentation_node) if node is not None]
        self.start(
            OneVolume(volume_node, segmentation_node),
            Settings(model, **settings),
            environment or slicer_python(),
            waiting,
            needed,
        )
        while waiting.outcome is None:
            self._wait()
            time.sleep(PAUSE)
        if waiting.outcome.end is not End.DONE:
            raise VoCoSlicerError(waiting.outcome.message or _("The run was cancelled."))
        return waiting.outcome.nodes[0]

    def cancel(self) -> None:
        """Stop the run that goes on, if any."""
        if self._run is not None:
            self._run.cancel()

    def close(self) -> None:
        """Drop the run and end the worker, at once; nobody hears of it."""
        if self._run is not None:
            self._run.abandon()
        if self._worker is not None:
            self._worker.stop()
            self._worker = None


class _Waiting:
    def __init__(self, on_progress: Callable[[Progress], None] | None) -> None:
        self.outcome: Outcome | None = None
        self._on_progress = on_progress

    def progress(self, progress: Progress) -> None:
        if self._on_progress is not None:
            self._on_progress(progress)

    def note(self, text: str) -> None:
        logging.info("voco3d: %s", text)

    def ended(self, outcome: Outcome) -> None:
        self.outcome = outcome
