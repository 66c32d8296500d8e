"""The authors' weights: downloaded after a yes, or taken from a file, and made a model.

Both are done by processes of their own: the window stays alive, and a download can be stopped.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from VoCoSlicerLib.models import download
from VoCoSlicerLib.models.on_disk import user_folder
from VoCoSlicerLib.models.releases import Release
from VoCoSlicerLib.worker.environment import PythonEnvironment, slicer_python

KILLING = 50
"""Milliseconds for a killed process to let go of its files."""


class Fetching:
    """One release on its way into the model list.

    Ends with one call of ``on_done`` or ``on_failed``, unless it was cancelled.
    """

    def __init__(
        self,
        release: Release,
        environment: PythonEnvironment,
        on_progress: Callable[[float | None, str], None],
        on_done: Callable[[], None],
        on_failed: Callable[[str, str], None],
    ) -> None:
        """Prepare; ``download`` or ``take`` starts it.

        Args:
            release: what to fetch.
            environment: the Python that has ``voco3d``.
            on_progress: is called with the share that is done (None if unknown) and the step.
            on_done: is called when the model is in the user's folder.
            on_failed: is called with a sentence and what the process said.
        """
        self._release = release
        self._environment = environment
        self._on_progress, self._on_done, self._on_failed = on_progress, on_done, on_failed
        self._process: Any = None
        self._temporary: Path | None = None

    def download(self) -> None:
        """Download the file, then make a model of it."""
        folder = user_folder().parent / "downloads"
        folder.mkdir(parents=True, exist_ok=True)
        file = self._temporary = folder / self._release.file
        # The model itself is checked when it is imported, tensor by tensor.
        self._run(
            slicer_python(),
            [download.__file__, self._release.address, str(file)],
            self._show_bytes,
            lambda: self.take(file),
        )

    def take(self, file: Path) -> None:
        """Make a model of a file that is there."""
        self._on_progress(None, _("Reading the weights"))
        arguments = ["models", "add", str(file), "--name", self._release.name, "--overwrite"]
        self._run(
            self._environment,
            ["-m", "voco3d.cli", *arguments],
            lambda _line: None,
            self._finish,
        )

    def cancel(self) -> None:
        """Stop and remove what is there."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.waitForFinished(KILLING)
        self._remove_temporary()

    def _finish(self) -> None:
        self._remove_temporary()
        self._on_done()

    def _remove_temporary(self) -> None:
        if self._temporary is not None:
            for file in (self._temporary, Path(f"{self._temporary}.part")):
                with suppress(OSError):
                    file.unlink(missing_ok=True)

    def _show_bytes(self, line: str) -> None:
        done, total = map(int, line.split())
        what = _("Downloading {megabytes} MB").format(megabytes=done >> 20)
        self._on_progress(done / total if total else None, what)

    def _run(
        self,
        environment: PythonEnvironment,
        arguments: list[str],
        on_line: Callable[[str], None],
        then: Callable[[], None],
    ) -> None:
        process = qt.QProcess()
        self._process = process
        variables = qt.QProcessEnvironment()
        for name, value in environment.variables().items():
            variables.insert(name, value)
        process.setProcessEnvironment(variables)

        def read() -> None:
            while process.canReadLine():
                on_line(bytes(process.readLine().data()).decode())

        def finished(code: int, _status: int) -> None:
            if process is not self._process:
                return
            self._process = None
            said = bytes(process.readAllStandardError().data() or b"").decode(errors="replace")
            process.deleteLater()
            if code == 0:
                then()
            else:
                self._remove_temporary()
                lines = said.strip().splitlines()
                self._on_failed(lines[-1] if lines else _("Python ended unexpectedly."), said)

        def failed(error: int) -> None:
            if process is self._process and error == qt.QProcess.FailedToStart:
                self._process = None
                self._remove_temporary()
                self._on_failed(_("Python could not be started."), "")

        process.readyReadStandardOutput.connect(read)
        process.finished.connect(finished)
        process.errorOccurred.connect(failed)
        process.start(environment.executable, arguments)


def is_there(release: Release) -> bool:
    """Whether the release is among the user's models."""
    return os.path.isdir(user_folder() / release.name)
