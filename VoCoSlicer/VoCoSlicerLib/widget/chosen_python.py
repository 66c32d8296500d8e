"""The Python that the user chose: what it lacks, and the worker in it."""

from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.segmenting.segmenter import Segmenter
from VoCoSlicerLib.widget.environment import EnvironmentPanel
from VoCoSlicerLib.widget.message import Kind, MessagePart
from VoCoSlicerLib.worker.environment import PythonEnvironment
from VoCoSlicerLib.worker.process import Worker
from VoCoSlicerLib.worker.setup import missing_packages


class ChosenPython:
    """Remembers a Python that has everything: looking for packages takes time."""

    def __init__(self, panel: EnvironmentPanel, segmenter: Segmenter) -> None:
        """Take the panel where the Python is chosen, and whose worker runs in it."""
        self._panel, self._segmenter = panel, segmenter
        self._complete: PythonEnvironment | None = None

    def lack(self) -> str:
        """Why it cannot compute yet; empty if it can."""
        try:
            chosen = self._panel.environment()
        except VoCoSlicerError as error:
            return str(error)
        if chosen == self._complete:
            return ""
        if chosen.of_slicer and missing_packages():
            return _("Apply first sets up what computes (PyTorch and more), after asking you.")
        self._complete = chosen
        return ""

    def ready(self, message: MessagePart) -> PythonEnvironment | None:
        """The Python, set up if the user agrees; None, with a message why, if it is not ready."""
        try:
            if self._panel.prepare():
                return self._panel.environment()
        except VoCoSlicerError as error:
            message.show(Kind.ERROR, str(error))
        else:
            message.show(Kind.NOTE, _("Nothing was installed, so nothing can be computed."))
        return None

    def worker(self) -> Worker:
        """The worker in it.

        Raises:
            VoCoSlicerError: There is no Python where the user said.
        """
        return self._segmenter.worker(self._panel.environment())
