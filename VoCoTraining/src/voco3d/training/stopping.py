"""SIGINT, SIGTERM and SIGUSR1 end a run after the step at hand, with a checkpoint."""

import os
import signal
import threading
import time
from types import FrameType
from typing import Any

import pytorch_lightning as pl

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)
)
"""Ctrl-C, what schedulers send first, and what SLURM is often told to send (``--signal``)."""

ECHO = 1.0
"""Seconds in which another Ctrl-C is the same one: launchers pass on what all processes got."""

STOPPING = b"\nvoco: ending this step, then saving; Ctrl-C again leaves at once.\n"


class Interrupted(BaseException):
    """A run has ended after a signal; its last checkpoint holds all that was done.

    Attributes:
        step: Optimiser steps done.
        signal_number: Which signal; SIGTERM where another process got it.
    """

    def __init__(self, step: int, signal_number: int) -> None:
        super().__init__(step, signal_number)
        self.step, self.signal_number = step, signal_number


class StopOnSignal(pl.Callback):
    """Lets the step at hand end, in all processes, when a signal came in any of them.

    Attributes:
        stopped: Whether training ended for it.
        signal_number: The signal that came to this process.
    """

    def __init__(self) -> None:
        self.stopped = False
        self.signal_number: int | None = None
        self._since = 0.0
        self._before: dict[int, Any] = {}
        self._wakeup = -1

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """From here on there is something to save."""
        if threading.current_thread() is threading.main_thread():
            self._wakeup = signal.set_wakeup_fd(-1)
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal_number is None:
            self.signal_number, self._since = number, time.monotonic()
            os.write(2, STOPPING)
        elif number == signal.SIGINT and time.monotonic() - self._since > ECHO:
            self._restore()
            signal.raise_signal(number)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Stop after a whole step, when all processes are at it."""
        if (batch_idx + 1) % trainer.accumulate_grad_batches == 0:
            came = self.signal_number is not None
            self.stopped = trainer.strategy.reduce_boolean_decision(came, all=False)
            trainer.should_stop = trainer.should_stop or self.stopped

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Leave signals to those who had them before."""
        self._restore()

    def on_exception(
        self, trainer: pl.Trainer, module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Leave signals to those who had them before."""
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._before:
            signal.set_wakeup_fd(self._wakeup)
        self._before = {}


def leave_signals_to_the_trainer(worker: int) -> None:
    """Go on when Ctrl-C or a scheduler signals all processes: the last step needs its batch."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
