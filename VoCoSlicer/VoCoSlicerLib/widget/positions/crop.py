"""The crop that the user drags, and what the network says of it while it moves."""

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.positions.bases import Where
from VoCoSlicerLib.positions.inside import is_inside
from VoCoSlicerLib.positions.slice_views import go_to
from VoCoSlicerLib.positions.view import PositionView
from VoCoSlicerLib.widget.message import connect
from VoCoSlicerLib.widget.positions.follow import Follower
from VoCoSlicerLib.widget.positions.jobs import Jobs, Question
from VoCoSlicerLib.worker.messages import WorkerError


class CropPart:
    """The section "Crop"."""

    def __init__(self, ui: Any, jobs: Jobs, on_error: Callable[[WorkerError], None]) -> None:
        """Take the widgets.

        Args:
            ui: the panel's widgets.
            jobs: asks the worker.
            on_error: hears why there is no answer.
        """
        self._ui, self._jobs = ui, jobs
        self._view: PositionView | None = None
        self._follower = Follower(self._where, self._ask, on_error)
        connect(ui.overlapsPlotButton, self._show_plot)
        connect(ui.centreButton, self._go_to_crop)

    def show(self, view: PositionView | None) -> None:
        """Watch the crop box of a view; None watches nothing."""
        self._view = view
        if view is None:
            self._follower.follow(None)
            return
        if view.crop_node is None:
            view.place_crop()
        self._follower.follow(view.crop_node, _asked(view))
        self._show_text()
        self._follower.look()

    def look(self) -> None:
        """The worker may have become free."""
        self._follower.look()

    def _where(self) -> Where | None:
        view = self._view
        centre = None if view is None or not view.exists else view.crop_centre()
        return None if centre is None else (centre,)

    def _ask(self, where: Where) -> bool:
        (place,) = where
        view = self._view
        volume_node = None if view is None else view.volume
        if view is None or volume_node is None or self._jobs.busy or view.stale():
            return False
        if not is_inside(place, volume_node):
            self._ui.cropLabel.setText(_("The crop lies outside the volume: drag it back."))
            return False

        def answered(report: Any) -> None:
            if view is self._view and view.exists:
                view.show_crop(report)
                self._show_text()
                self._follower.answered()

        def failed(error: WorkerError) -> None:
            if view is self._view:
                self._follower.failed(error)

        params = {"model": view.model, "grid": list(view.counts), "crops": [list(place)]}
        question = Question("positions", {"image": volume_node}, params, answered, failed)
        try:
            self._jobs.ask(question)
        except VoCoSlicerError:
            return False
        return True

    def _show_text(self) -> None:
        view = self._view
        text = "" if view is None else view.text
        self._ui.cropLabel.setText(text or _("Drag the crop box in the slice views."))

    def _show_plot(self) -> None:
        chart_node = None if self._view is None else self._view.chart_node
        if chart_node is not None:
            slicer.modules.plots.logic().ShowChartInLayout(chart_node)

    def _go_to_crop(self) -> None:
        if self._view is None:
            return
        if self._view.crop_centre() is None:
            self._view.place_crop()
            self.show(self._view)
        centre = self._view.crop_centre()
        if centre is not None:
            go_to(centre, slicer.mrmlScene)


def _asked(view: PositionView) -> Where | None:
    """The place that the crop shown last was asked for."""
    if view.crop is None:
        return None
    return (tuple(view.crop["asked"]),)
