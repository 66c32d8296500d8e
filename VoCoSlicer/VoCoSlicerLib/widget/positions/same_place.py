"""The same place in another volume: two points or boxes, one of which the user drags."""

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.parameters import MarkKind, Parameters
from VoCoSlicerLib.positions.bases import Where
from VoCoSlicerLib.positions.inside import is_inside
from VoCoSlicerLib.positions.marks import BoxMark, PointMark, middle
from VoCoSlicerLib.positions.same_place import SamePlace
from VoCoSlicerLib.positions.slice_views import go_to_in, show_side_by_side
from VoCoSlicerLib.scene.transfer import check_volume
from VoCoSlicerLib.widget.message import connect
from VoCoSlicerLib.widget.positions.follow import Follower
from VoCoSlicerLib.widget.positions.jobs import Jobs, Question
from VoCoSlicerLib.widget.positions.model import PositionModelPart
from VoCoSlicerLib.widget.positions.start import ProgressPart
from VoCoSlicerLib.worker.messages import USER_ERROR, WorkerError

MARKS: dict[MarkKind, type[PointMark | BoxMark]] = {
    MarkKind.POINT: PointMark,
    MarkKind.BOX: BoxMark,
}


class SamePlacePart:
    """The section "Same place in another volume"."""

    def __init__(
        self,
        ui: Any,
        jobs: Jobs,
        prepared: Callable[[], bool],
        model: PositionModelPart,
        on_error: Callable[[WorkerError], None],
    ) -> None:
        """Take the widgets.

        Args:
            ui: the panel's widgets.
            jobs: asks the worker.
            prepared: whether Python is set up; asks the user where it is not.
            model: what is asked.
            on_error: hears why there is no answer.
        """
        self._ui, self._jobs, self._prepared = ui, jobs, prepared
        self._model, self._on_error = model, on_error
        self._parameters: Parameters | None = None
        self._tip = ui.linkButton.toolTip
        self._link: SamePlace | None = None
        self._question: Question | None = None
        self._follower = Follower(self._where, self._ask, on_error)
        self._bar = ProgressPart(ui, "place")
        connect(ui.linkButton, self._link_or_unlink)
        connect(ui.sideBySideButton, self._side_by_side)

    def set_parameters(self, parameters: Parameters | None) -> None:
        """Show the link of a scene; None while there is no scene."""
        self._parameters = parameters
        found = None if parameters is None else SamePlace.find_in_scene(slicer.mrmlScene)
        self._show(found)

    def update(self, volume_node: slicer.vtkMRMLScalarVolumeNode | None) -> None:
        """Something was chosen, came, went or ended."""
        link = self._link
        if link is not None and (not link.exists or None in (link.source, link.target)):
            if link.exists:
                link.remove()
            self._show(None)
        other = None if self._parameters is None else self._parameters.other_volume
        missing = self._model.hindrance()
        if volume_node is None or other is None:
            missing = _("Choose two volumes first.")
        elif volume_node is other:
            missing = _("Choose another volume than the one above.")
        self._ui.linkButton.setEnabled(self._link is not None or not missing)
        self._ui.linkButton.setToolTip(missing or self._tip)
        self._ui.sideBySideButton.setEnabled(not missing)

    def look(self) -> None:
        """The worker may have become free."""
        self._follower.look()

    def cleanup(self) -> None:
        """The window goes."""
        self._parameters = None
        self._show(None)

    def _show(self, link: SamePlace | None) -> None:
        self._link = link
        told = None if link is None or link.found() is None else link.where()
        self._follower.follow(None if link is None else link.place_node, told)
        self._ui.markComboBox.setEnabled(link is None)
        self._ui.linkButton.setText(_("Link") if link is None else _("Unlink"))
        self._show_text()

    def _show_text(self) -> None:
        text = ""
        if self._link is not None:
            text = self._link.text or _("Drag the mark in the slice views.")
        self._ui.placeLabel.setText(text)
        self._ui.placeLabel.setVisible(bool(text))

    # Linking.

    def _link_or_unlink(self) -> None:
        if self._link is not None:
            link = self._link
            self._show(None)
            link.remove()
            self._stop()
            return
        parameters = self._parameters
        if parameters is None or not self._prepared():
            return
        volume_node, other = parameters.volume, parameters.other_volume
        if volume_node is None or other is None:
            return
        try:
            for node in (volume_node, other):
                check_volume(node)
            link = SamePlace.create(volume_node, other, mark=MARKS[parameters.mark])
        except VoCoSlicerError as error:
            self._on_error(WorkerError(USER_ERROR, str(error)))
            return
        self._show(link)
        self._follower.look()

    def _side_by_side(self) -> None:
        parameters = self._parameters
        if parameters is None or parameters.volume is None or parameters.other_volume is None:
            return
        show_side_by_side(parameters.volume, parameters.other_volume)
        self._go_to_both()

    def _go_to_both(self) -> None:
        link = self._link
        if link is None:
            return
        for volume_node, place in ((link.source, link.place()), (link.target, link.found())):
            if volume_node is not None and place is not None:
                go_to_in(volume_node, place)

    def _stop(self) -> None:
        if self._question is not None:
            self._jobs.cancel(self._question)

    # Looking for the place.

    def _where(self) -> Where | None:
        return None if self._link is None else self._link.where()

    def _ask(self, where: Where) -> bool:
        link = self._link
        if link is None or link.source is None or link.target is None or self._jobs.busy:
            return False
        try:
            outside = not is_inside(middle(where), link.source)
        except VoCoSlicerError as error:
            self._ui.placeLabel.setText(str(error))
            return False
        if outside:
            self._ui.placeLabel.setText(_("The mark lies outside the volume: drag it back."))
            return False

        def answered(answer: Any) -> None:
            self._bar.hide()
            if link is self._link and link.exists:
                link.set_found(answer["found"][0])
                self._show_text()
                target, found = link.target, link.found()
                if target is not None and found is not None:
                    go_to_in(target, found)
                self._follower.answered()

        def failed(error: WorkerError) -> None:
            self._bar.hide()
            if link is self._link:
                self._follower.failed(error)

        def progress(share: float, what: str, seconds_left: float | None) -> None:
            if link.found() is None:  # later answers come at once
                self._bar.show(share, what, seconds_left)

        question = Question(
            "find",
            {"source": link.source, "target": link.target},
            {"model": self._model.key, **link.question(where)},
            answered,
            failed,
            progress,
        )
        try:
            self._jobs.ask(question)
        except VoCoSlicerError:
            return False
        self._question = question
        return True
