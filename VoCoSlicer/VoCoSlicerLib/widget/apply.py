"""Apply, which turns into Cancel while a run goes on, with its progress."""

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from VoCoSlicerLib.segmenting.outcome import Progress
from VoCoSlicerLib.widget.message import connect

STEPS = 1000
"""Of the progress bar."""


class ApplyPart:
    """The button and the progress bar under it."""

    def __init__(
        self, ui: Any, on_apply: Callable[[], None], on_cancel: Callable[[], None]
    ) -> None:
        """Take the widgets.

        Args:
            ui: the window's widgets.
            on_apply: is called when the user starts a run.
            on_cancel: is called when the user stops it.
        """
        self._ui = ui
        self._on_apply, self._on_cancel = on_apply, on_cancel
        self._running = False
        connect(ui.applyButton, self._click)
        self.idle(_("Choose a volume first."))

    def idle(self, hindrance: str = "") -> None:
        """Wait for the user.

        Args:
            hindrance: why Apply cannot be pressed; empty when it can.
        """
        self._running = False
        self._ui.progressWidget.setVisible(False)
        self._ui.applyButton.setText(_("Apply"))
        self._ui.applyButton.setEnabled(not hindrance)
        self._ui.applyButton.setToolTip(hindrance or _("Segment (Ctrl+Enter)."))

    def started(self) -> None:
        """A run has begun."""
        self._running = True
        self._ui.applyButton.setText(_("Cancel"))
        self._ui.applyButton.setEnabled(True)
        self._ui.applyButton.setToolTip(
            _("Stop (Ctrl+Enter). The scene stays as it was, but for volumes that are finished.")
        )
        self._ui.progressBar.setMaximum(STEPS)
        self._ui.progressBar.setValue(0)
        self._ui.progressLabel.setText(_("Starting"))
        self._ui.progressWidget.setVisible(True)

    def progress(self, progress: Progress) -> None:
        """The run goes on."""
        self._ui.progressBar.setValue(round(STEPS * progress.share))
        text = progress.what[:1].upper() + progress.what[1:]
        if progress.seconds_left is not None:
            text = _("{what}, {time} left").format(what=text, time=duration(progress.seconds_left))
        self._ui.progressLabel.setText(text)

    def cancelling(self) -> None:
        """The run was asked to stop."""
        self._ui.applyButton.setText(_("Stopping…"))
        self._ui.applyButton.setEnabled(False)

    def _click(self) -> None:
        if self._running:
            self.cancelling()
            self._on_cancel()
        else:
            self._on_apply()


def duration(seconds: float) -> str:
    """A time as people say it: "12 s", "3 min", "1 h 20 min"."""
    if seconds < 90:
        return _("{seconds} s").format(seconds=max(1, round(seconds)))
    minutes = round(seconds / 60)
    if minutes < 60:
        return _("{minutes} min").format(minutes=minutes)
    return _("{hours} h {minutes} min").format(hours=minutes // 60, minutes=minutes % 60)


def memory(amount: float) -> str:
    """Bytes as people read them: "350 MB", "2.1 GB"."""
    if amount < 1e9:
        return _("{megabytes:.0f} MB").format(megabytes=amount / 1e6)
    return _("{gigabytes:.1f} GB").format(gigabytes=amount / 1e9)
