"""The crop moved all over the volume: two images to lay over it."""

import math
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.parameters import Step
from VoCoSlicerLib.positions.slice_views import lay_over
from VoCoSlicerLib.positions.view import PositionView
from VoCoSlicerLib.widget.positions.jobs import Jobs
from VoCoSlicerLib.widget.positions.start import StartButton
from VoCoSlicerLib.worker.messages import USER_ERROR, WorkerError

NOTHING, CHOSEN, ERRORS = range(3)
"""What lies over the volume, as entries of the list."""

SUMMARY = "VoCo.sweep"
"""Attribute of the image of distances: the line about the sweep."""


class SweepPart:
    """The section "Sweep".

    Attributes:
        button: starts a sweep.
    """

    def __init__(
        self,
        ui: Any,
        jobs: Jobs,
        step: Callable[[], Step],
        on_start: Callable[[], None],
        on_error: Callable[[WorkerError], None],
    ) -> None:
        """Take the widgets.

        Args:
            ui: the panel's widgets.
            jobs: asks the worker.
            step: the distance of crops that the user chose.
            on_start: is called when the user starts a sweep.
            on_error: hears why there is no answer.
        """
        self._ui, self._step = ui, step
        self._on_start, self._on_error = on_start, on_error
        self._view: PositionView | None = None
        self.button = StartButton(ui, "sweepButton", "sweep", jobs, self._start, on_error)
        self._filling = True
        for title in (_("Nothing"), _("Predicted base"), _("Distance in mm")):
            ui.overlayComboBox.addItem(title)
        self._filling = False
        ui.overlayComboBox.connect("currentIndexChanged(int)", self._overlay_chosen)

    def show(self, view: PositionView | None) -> None:
        """Be about a view; None is about nothing."""
        self._view = view
        self._show_images(NOTHING if self._images().count(None) else self._shown())

    def _start(self) -> None:
        view = self._view
        volume_node = None if view is None else view.volume
        if view is None or volume_node is None:
            return
        self._on_start()
        folder = Path(tempfile.mkdtemp(prefix="VoCo-sweep-", dir=slicer.app.temporaryPath))
        chosen, errors = folder / "base.nrrd", folder / "distance.nrrd"
        params = {
            "model": view.model,
            "grid": list(view.counts),
            "step": self._step().share,
            "chosen": str(chosen),
            "errors": str(errors),
        }

        def remove_files() -> None:
            shutil.rmtree(folder, ignore_errors=True)

        def answered(sweep: Any) -> None:
            try:
                if view.exists and not view.stale():
                    view.show_sweep(chosen, errors)
                    self._swept(view, sweep)
            except VoCoSlicerError as error:
                self._on_error(WorkerError(USER_ERROR, str(error)))
            finally:
                remove_files()

        self.button.ask("sweep", volume_node, params, answered, remove_files)

    def _swept(self, view: PositionView, sweep: Any) -> None:
        if view.errors_node is not None:
            view.errors_node.SetAttribute(SUMMARY, _summary(sweep))
        if view is self._view:
            self._show_images(CHOSEN)

    # What lies over the volume.

    def _images(self) -> list[Any]:
        view = self._view
        if view is None or not view.exists:
            return [None, None]
        return [view.chosen_node, view.errors_node]

    def _shown(self) -> int:
        return int(self._ui.overlayComboBox.currentIndex)

    def _show_images(self, which: int) -> None:
        there = None not in self._images()
        self._ui.overlayLabel.setEnabled(there)
        self._ui.overlayComboBox.setEnabled(there)
        summary = self._images()[ERRORS - 1].GetAttribute(SUMMARY) if there else None
        self._ui.sweepLabel.setText(summary or "")
        self._ui.sweepLabel.setVisible(bool(summary))
        self._filling = True
        self._ui.overlayComboBox.setCurrentIndex(which)
        self._filling = False
        if there:
            self._lay_over(which)

    def _overlay_chosen(self, which: int) -> None:
        if not self._filling and None not in self._images():
            self._lay_over(which)

    def _lay_over(self, which: int) -> None:
        images = self._images()
        shown = {CHOSEN: images[0], ERRORS: images[1]}.get(which)
        lay_over(shown, [node for node in images if node is not shown], slicer.mrmlScene)


def _summary(sweep: Mapping[str, Any]) -> str:
    """The line about the worker's answer to ``sweep``."""
    line = _("{count} crops: {share:.0%} in the right base").format(
        count=math.prod(sweep["shape"]), share=sweep["top1"]
    )
    distance = sweep["median_distance"]
    if distance is not None:
        line = _("{line}, median {distance:.0f} mm off").format(line=line, distance=distance)
    return f"{line}."
