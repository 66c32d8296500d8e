"""Numbers and figures of a crop, and of a sweep, as files."""

from collections.abc import Callable
from typing import Any

import qt
from slicer.i18n import tr as _

from VoCoSlicerLib.parameters import Step
from VoCoSlicerLib.positions.view import PositionView
from VoCoSlicerLib.widget.message import Kind, MessagePart
from VoCoSlicerLib.widget.positions.jobs import Jobs
from VoCoSlicerLib.widget.positions.start import StartButton
from VoCoSlicerLib.worker.messages import WorkerError


class ExportPart:
    """The button "Export…".

    Attributes:
        button: starts an export.
    """

    def __init__(
        self,
        ui: Any,
        jobs: Jobs,
        step: Callable[[], Step],
        message: MessagePart,
        on_error: Callable[[WorkerError], None],
    ) -> None:
        """Take the widgets.

        Args:
            ui: the panel's widgets.
            jobs: asks the worker.
            step: the distance of crops that the user chose for sweeps.
            message: says what was written.
            on_error: hears why nothing was.
        """
        self._ui, self._step, self._message = ui, step, message
        self._view: PositionView | None = None
        self.button = StartButton(
            ui, "exportPositionsButton", "export", jobs, self._start, on_error
        )

    def show(self, view: PositionView | None) -> None:
        """Be about a view; None is about nothing."""
        self._view = view

    def _start(self) -> None:
        view = self._view
        volume_node = None if view is None else view.volume
        centre = None if view is None else view.crop_centre()
        if view is None or volume_node is None or centre is None:
            return
        self._message.clear()
        title = _("Folder for the numbers and figures")
        folder = qt.QFileDialog.getExistingDirectory(self._ui.messageFrame.window(), title)
        if not folder:
            return

        def written(answer: Any) -> None:
            what = _("Written to {folder}: {files}.")
            files = ", ".join(answer["files"])
            self._message.show(Kind.DONE, what.format(folder=folder, files=files))

        params = {
            "model": view.model,
            "grid": list(view.counts),
            "crops": [list(centre)],
            "step": None if view.errors_node is None else self._step().share,
            "folder": folder,
        }
        self.button.ask("position_report", volume_node, params, written)
