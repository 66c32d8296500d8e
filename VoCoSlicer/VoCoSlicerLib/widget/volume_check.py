"""Whether a volume lies as its header says: a line before Apply, from a model's reference bases."""

from collections.abc import Callable, Mapping
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.models.entry import ModelEntry
from VoCoSlicerLib.positions.check_texts import contradicts, question, sentence
from VoCoSlicerLib.widget.estimate import MARGIN
from VoCoSlicerLib.widget.message import Kind, tint
from VoCoSlicerLib.widget.positions.jobs import Jobs, Question
from VoCoSlicerLib.worker.messages import CANCELLED, WorkerError

PAUSE = 1000
"""Milliseconds without other questions to the worker before a volume is checked."""

Written = tuple[str, int]
"""The file of a volume and when it was written: what a check was made of."""

Check = Mapping[str, Any]


class VolumeCheckPart:
    """The line; it never keeps anyone from anything, and says nothing where it cannot tell."""

    def __init__(self, ui: Any, jobs: Jobs, model: Callable[[], ModelEntry | None]) -> None:
        """Take the widgets.

        Args:
            ui: the window's widgets.
            jobs: asks the worker.
            model: one that can check a volume, or None.
        """
        self._ui, self._jobs, self._model = ui, jobs, model
        self._volume: slicer.vtkMRMLScalarVolumeNode | None = None
        self._wanted = False
        self._checks: dict[str, tuple[Written, Check | None]] = {}
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE)
        self._timer.connect("timeout()", self._start)
        self._show()

    def about(self, volume_node: slicer.vtkMRMLScalarVolumeNode | None) -> None:
        """Say what is known of a volume, but do not check it yet; None says nothing."""
        self._volume, self._wanted = volume_node, False
        self._timer.stop()
        self._show()

    def renew(self) -> None:
        """Check the volume soon, unless it is known."""
        self._wanted = True
        self.look()

    def look(self) -> None:
        """The worker may have become free."""
        if self._wanted and self._volume is not None and not self._is_known(self._volume):
            self._timer.start()
        else:
            self._timer.stop()

    def forget(self) -> None:
        """The scene goes."""
        self._checks.clear()
        self.about(None)

    def agrees(self, volume_node: slicer.vtkMRMLScalarVolumeNode | None) -> bool:
        """Whether the user wants a volume segmented; asks only if it does not look right."""
        check = None if volume_node is None else self._known(volume_node)
        if check is None or not contradicts(check):
            return True
        title = _("Orientation of the volume")
        return bool(slicer.util.confirmYesNoDisplay(question(check), windowTitle=title))

    def _start(self) -> None:
        volume_node, model = self._volume, self._model()
        if volume_node is None or volume_node.GetScene() is None or model is None:
            return
        if not self._jobs.idle:
            self._timer.start()
            return

        def answered(check: Check) -> None:
            self._keep(volume_node, check)

        def failed(error: WorkerError) -> None:
            if error.code != CANCELLED:
                self._keep(volume_node, None)

        asked = Question(
            "check",
            {"image": volume_node},
            {"model": model.key},
            answered,
            failed,
            gives_way=True,
        )
        try:
            self._jobs.ask(asked)
        except VoCoSlicerError:
            return  # a segmentation runs, or Python is not set up: the window will say so

    def _keep(self, volume_node: slicer.vtkMRMLScalarVolumeNode, check: Check | None) -> None:
        written = self._written(volume_node)
        if written is not None and volume_node.GetScene() is not None:
            self._checks[volume_node.GetID()] = written, check
            self._show()

    def _known(self, volume_node: slicer.vtkMRMLScalarVolumeNode) -> Check | None:
        """What was found of the volume as it is now."""
        written, check = self._checks.get(volume_node.GetID(), (None, None))
        return check if written is not None and written == self._written(volume_node) else None

    def _is_known(self, volume_node: slicer.vtkMRMLScalarVolumeNode) -> bool:
        written, _check = self._checks.get(volume_node.GetID(), (None, None))
        return written is not None and written == self._written(volume_node)

    def _written(self, volume_node: slicer.vtkMRMLScalarVolumeNode) -> Written | None:
        try:
            path = self._jobs.files.current(volume_node)
        except VoCoSlicerError:
            return None
        return None if path is None else (str(path), path.stat().st_mtime_ns)

    def _show(self) -> None:
        check = None if self._volume is None else self._known(self._volume)
        text = "" if check is None else sentence(check)
        warn = check is not None and contradicts(check)
        label = self._ui.checkLabel
        label.setText(f"⚠ {text}" if warn else text)
        tint(label, Kind.WARNING if warn else None)
        label.setMargin(MARGIN if warn else 0)
        label.setVisible(bool(text))
