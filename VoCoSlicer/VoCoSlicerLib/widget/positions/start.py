"""What runs long: a progress bar, and a button that starts it and turns into Cancel."""

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from VoCoSlicerLib.widget.apply import STEPS, duration
from VoCoSlicerLib.widget.message import connect


class ProgressPart:
    """A progress bar with a line below, hidden while nothing runs."""

    def __init__(self, ui: Any, stem: str) -> None:
        """Take the widgets.

        Args:
            ui: the panel's widgets.
            stem: what the names of the bar, its label and the widget around them begin with.
        """
        self._bar = getattr(ui, f"{stem}ProgressBar")
        self._label = getattr(ui, f"{stem}ProgressLabel")
        self._around = getattr(ui, f"{stem}ProgressWidget")
        self._bar.setMaximum(STEPS)
        self.hide()

    def show(self, share: float, what: str, seconds_left: float | None) -> None:
        """Something is so far."""
        self._bar.setValue(round(STEPS * share))
        if seconds_left is not None and seconds_left >= 1:
            what = _("{what}, {time} left").format(what=what, time=duration(seconds_left))
        self._label.setText(what)
        self._around.setVisible(True)

    def hide(self) -> None:
        """Nothing runs."""
        self._around.setVisible(False)


class StartButton:
    """A button that starts something and turns into Cancel while it runs."""

    def __init__(
        self,
        ui: Any,
        button: str,
        stem: str,
        on_start: Callable[[], None],
        on_cancel: Callable[[], None],
    ) -> None:
        """Take the widgets.

        Args:
            ui: the panel's widgets.
            button: name of the button.
            stem: of the progress bar, see ``ProgressPart``.
            on_start: is called when the user starts it.
            on_cancel: is called when the user stops it.
        """
        self._button = getattr(ui, button)
        self._bar = ProgressPart(ui, stem)
        self._text, self._tip = self._button.text, self._button.toolTip
        self._on_start, self._on_cancel = on_start, on_cancel
        self._running = False
        connect(self._button, self._click)

    def allow(self, hindrance: str) -> None:
        """Let the user start it, unless there is a hindrance, which its tooltip tells."""
        if not self._running:
            self._button.setEnabled(not hindrance)
            self._button.setToolTip(hindrance or self._tip)

    def started(self) -> None:
        """It runs."""
        self._running = True
        self._button.setText(_("Cancel"))
        self._button.setToolTip(_("Stop. The scene stays as it was."))
        self._button.setEnabled(True)

    def progress(self, share: float, what: str, seconds_left: float | None) -> None:
        """It goes on."""
        if self._running:
            self._bar.show(share, what, seconds_left)

    def ended(self) -> None:
        """It does not run any more."""
        self._running = False
        self._button.setText(self._text)
        self._button.setToolTip(self._tip)
        self._button.setEnabled(True)
        self._bar.hide()

    def _click(self) -> None:
        if self._running:
            self._button.setEnabled(False)
            self._on_cancel()
        else:
            self._on_start()
