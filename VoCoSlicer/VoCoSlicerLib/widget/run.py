"""A run, from Apply to the sentence at its end."""

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.segmenting.outcome import End, Outcome, Progress
from VoCoSlicerLib.segmenting.run import Settings
from VoCoSlicerLib.segmenting.segmenter import Segmenter
from VoCoSlicerLib.widget.apply import ApplyPart, duration
from VoCoSlicerLib.widget.input import Chosen
from VoCoSlicerLib.widget.message import Kind, MessagePart
from VoCoSlicerLib.widget.positions.jobs import Jobs
from VoCoSlicerLib.worker.environment import PythonEnvironment


class RunPart:
    """Starts runs, one at a time, shows how they go, and says how they ended; their listener.

    Attributes:
        button: Apply.
    """

    def __init__(
        self,
        ui: Any,
        segmenter: Segmenter,
        jobs: Jobs,
        message: MessagePart,
        on_apply: Callable[[], None],
        on_ended: Callable[[Outcome], None],
    ) -> None:
        """Take the widgets.

        Args:
            ui: the window's widgets.
            segmenter: does the work.
            jobs: what else the worker is asked, which gives way.
            message: says what the worker remarks, and how a run ended.
            on_apply: is called when the user presses Apply.
            on_ended: hears of the end of a run.
        """
        self._ui, self._segmenter, self._jobs = ui, segmenter, jobs
        self._message, self._on_ended = message, on_ended
        self._waiting = False
        self.button = ApplyPart(ui, on_apply, self._cancel)

    @property
    def busy(self) -> bool:
        """Whether a run goes on, or waits for the worker to stop something else."""
        return self._segmenter.running or self._waiting

    def start(self, chosen: Chosen, settings: Settings, environment: PythonEnvironment) -> None:
        """Begin a run as soon as the worker is free."""
        self._lock(True)
        self.button.started()
        self._waiting = True
        self._jobs.make_room(lambda: self._begin(chosen, settings, environment))

    def look(self) -> None:
        """Give up a run whose scene or worker went while it waited."""
        if self._waiting and self._jobs.idle:
            self._cancel()

    def close(self) -> None:
        """The window goes: end the run and the worker."""
        self._segmenter.close()

    def _begin(self, chosen: Chosen, settings: Settings, environment: PythonEnvironment) -> None:
        if not self._waiting:  # the user has changed her mind
            return
        self._waiting = False
        needed = [*chosen.needed, *([settings.region] if settings.region else [])]
        try:
            self._segmenter.start(chosen.series, settings, environment, self, needed)
        except VoCoSlicerError as error:
            self.ended(Outcome(End.FAILED, str(error)))

    def _cancel(self) -> None:
        if not self._waiting:
            self._segmenter.cancel()
            return
        self._waiting = False
        self.ended(Outcome(End.CANCELLED))

    def _lock(self, running: bool) -> None:
        """What a run has taken over cannot be changed while it goes on."""
        for button in ("inputs", "structures", "advanced"):
            getattr(self._ui, f"{button}CollapsibleButton").enabled = not running

    # What the segmenter tells.

    def progress(self, progress: Progress) -> None:
        """The run goes on."""
        self.button.progress(progress)

    def note(self, text: str) -> None:
        """The worker remarks something."""
        self._message.show(Kind.NOTE, text)

    def ended(self, outcome: Outcome) -> None:
        """The run is over."""
        self._lock(False)
        self.button.idle()
        self._message.show(*_how_it_ended(outcome))
        self._on_ended(outcome)


def _how_it_ended(outcome: Outcome) -> tuple[Kind, str, str]:
    """The message at the end of a run."""
    if outcome.end is End.FAILED:
        return Kind.ERROR, outcome.message, outcome.detail
    if outcome.end is End.DONE:
        done = _("Done in {time}.").format(time=duration(outcome.seconds))
        kind = Kind.WARNING if outcome.failures else Kind.DONE
        return kind, "\n".join([done, *outcome.notes, *outcome.failures]), ""
    if outcome.message:
        return Kind.WARNING, outcome.message, ""
    count = len(outcome.results)
    if count:
        kept = _("Cancelled: {count} finished results are kept.").format(count=count)
        return Kind.NOTE, kept, ""
    return Kind.NOTE, _("Cancelled: the scene is as it was."), ""
