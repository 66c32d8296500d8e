"""How much memory and time a run will take, before it starts, and what to do if too much."""

from collections.abc import Callable, Mapping
from typing import Any

import qt
from slicer.i18n import tr as _

from VoCoSlicerLib.widget.apply import duration, memory
from VoCoSlicerLib.widget.message import Kind, tint
from VoCoSlicerLib.widget.ways_out import WaysOutPart

PAUSE = 300
"""Milliseconds without a change before the worker is asked."""

MARGIN = 6
"""Of a warning, in pixels."""

Ask = Callable[[Callable[[Any], None], Callable[[str], None]], None]
"""Asks the worker: gets what to do with the answer, and with the reason why there is none."""


class EstimatePart:
    """A line above Apply, a warning with ways out when the run will not fit."""

    def __init__(self, ui: Any, ask: Ask, ways_out: WaysOutPart) -> None:
        """Take the widgets.

        Args:
            ui: the window's widgets.
            ask: asks the worker for an estimate of what is chosen now.
            ways_out: what to do when the run will not fit.
        """
        self._ui = ui
        self._ask, self._ways_out = ask, ways_out
        self._number = 0
        self._several = False
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE)
        self._timer.connect("timeout()", self._request)
        self.clear()

    def clear(self) -> None:
        """Say nothing, also to answers under way."""
        self._timer.stop()
        self._number += 1
        self._ui.estimateWidget.setVisible(False)

    def say(self, text: str) -> None:
        """Show a line instead of an estimate."""
        self.clear()
        self._show(text, warn=False)
        self._ways_out.hide()

    def renew(self, several: bool) -> None:
        """Ask again soon, for one volume or several; until then the old line stays."""
        self._several = several
        self._ways_out.renew()
        self._number += 1
        self._timer.start()

    def _request(self) -> None:
        number = self._number

        def answered(estimate: Mapping[str, Any]) -> None:
            if number == self._number:
                self._show_estimate(estimate)

        def failed(reason: str) -> None:
            if number == self._number:
                self._show(reason, warn=True)
                self._ways_out.hide()

        self._ask(answered, failed)

    def _show_estimate(self, estimate: Mapping[str, Any]) -> None:
        one = _("About {time} and {memory} of memory ({available} free).")
        all_of_them = _(
            "About {time} for all volumes, and up to {memory} of memory ({available} free)."
        )
        needs = (all_of_them if self._several else one).format(
            time=duration(estimate["seconds"]),
            memory=memory(estimate["memory"]),
            available=memory(estimate["available"]),
        )
        self._show(" ".join([needs, *estimate["advice"]]), warn=not estimate["fits"])
        if estimate["fits"]:
            self._ways_out.hide()
        else:
            self._ways_out.show(smaller_tiles=estimate["smaller_windows"])

    def _show(self, text: str, warn: bool) -> None:
        self._ui.estimateLabel.setText(text)
        tint(self._ui.estimateLabel, Kind.WARNING if warn else None)
        self._ui.estimateLabel.setMargin(MARGIN if warn else 0)
        self._ui.estimateWidget.setVisible(True)
