"""Asking again whenever the user has moved a node: one question at a time, the last move always."""

from collections.abc import Callable
from typing import Any

import numpy as np
import qt
import slicer

from VoCoSlicerLib.positions.bases import Where
from VoCoSlicerLib.worker.messages import CANCELLED, WorkerError

PAUSE = 20
"""Milliseconds from a move to the question about it."""

STILL = 1e-3
"""A move of fewer mm is none."""


class Follower:
    """Watches where a node is, and has someone ask about it."""

    def __init__(
        self,
        where: Callable[[], Where | None],
        ask: Callable[[Where], bool],
        on_error: Callable[[WorkerError], None],
    ) -> None:
        """Watch nothing yet.

        Args:
            where: where the node is now; None if it is gone.
            ask: asks about where it is and says whether it could; ``answered`` or ``failed`` must
                follow.
            on_error: hears why there is no answer, unless the question was stopped.
        """
        self._where, self._ask, self._on_error = where, ask, on_error
        self._watched: list[tuple[Any, int]] = []
        self._told: Where | None = None
        self._asking = False
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE)
        self._timer.connect("timeout()", self.look)

    @property
    def asking(self) -> bool:
        """Whether a question is under way."""
        return self._asking

    def follow(self, node: Any, told: Where | None = None) -> None:
        """Watch a markup instead of what was watched before; None watches nothing.

        Args:
            node: The markup.
            told: Where it was when it was asked about.
        """
        for watched, tag in self._watched:
            watched.RemoveObserver(tag)
        self._watched = []
        self._timer.stop()
        self._told, self._asking = told, False
        if node is not None:
            event = slicer.vtkMRMLMarkupsNode.PointModifiedEvent
            self._watched = [(node, node.AddObserver(event, self._moved))]

    def look(self) -> None:
        """Ask, if the node has moved since the last answer and nobody asks."""
        if self._asking or not self._watched:
            return
        where = self._where()
        if where is None or (self._told is not None and _same(where, self._told)):
            return
        self._asking = True
        if self._ask(where):
            self._told = where
        else:
            self._asking = False

    def answered(self) -> None:
        """The question has ended; ask about what moved meanwhile."""
        self._asking = False
        self.look()

    def failed(self, error: WorkerError) -> None:
        """There is no answer; what was stopped is asked again with the next ``look``."""
        if error.code == CANCELLED:
            self._asking, self._told = False, None
        else:
            self._on_error(error)
            self.answered()

    def _moved(self, _caller: Any, _event: str) -> None:
        # Not started again by every move: the answers keep up with a long drag.
        if not self._timer.isActive():
            self._timer.start()


def _same(one: Where, other: Where) -> bool:
    return bool(np.abs(np.subtract(one, other)).max() < STILL)
