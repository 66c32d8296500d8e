"""Whether the chosen Python is set up, asked with every question to the worker."""

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.widget.environment import EnvironmentPanel
from VoCoSlicerLib.worker.environment import PythonEnvironment
from VoCoSlicerLib.worker.setup import missing_packages


class Readiness:
    """Remembers a Python that has everything: looking for packages takes time."""

    def __init__(self, environment: EnvironmentPanel) -> None:
        """Take the panel where the Python is chosen."""
        self._environment = environment
        self._complete: PythonEnvironment | None = None

    def is_missing(self) -> bool:
        """Whether the Python is not there, or lacks something."""
        try:
            chosen = self._environment.environment()
        except VoCoSlicerError:
            return True
        if chosen == self._complete:
            return False
        if chosen.of_slicer and missing_packages():
            return True
        self._complete = chosen
        return False

    def prepare(self) -> bool:
        """Install what is missing, if the user agrees; whether to go on.

        Raises:
            VoCoSlicerError: The Python is not there, or the installation failed.
        """
        return self._environment.prepare()
