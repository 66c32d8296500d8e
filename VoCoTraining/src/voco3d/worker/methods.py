"""What can be asked for. Libraries are imported by the first request, not before."""

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from voco3d.worker.job import Job
from voco3d.worker.params import Params

if TYPE_CHECKING:
    from voco3d.worker.locating import WarmVolume
    from voco3d.worker.warm import WarmModel

Quick = Callable[["Methods", Params], Any]
Long = Callable[["Methods", Params, Job], Any]


class Methods:
    """The methods, and the model that they share.

    Args:
        idle: Seconds without use after which the model is let go.
    """

    def __init__(self, idle: float) -> None:
        self._idle = idle
        self._warm: WarmModel | None = None
        self._volume: WarmVolume | None = None
        self._importing = threading.Lock()

    def warm(self) -> "WarmModel":
        """The model in memory; at first this imports PyTorch, in one thread only."""
        with self._importing:
            if self._warm is None:
                import SimpleITK as sitk

                from voco3d.worker.warm import WarmModel

                sitk.ProcessObject.SetGlobalWarningDisplay(False)
                self._warm = WarmModel(self._idle)
            return self._warm

    def volume(self) -> "WarmVolume":
        """The image whose crops are located, in memory."""
        self.warm()
        with self._importing:
            if self._volume is None:
                from voco3d.worker.locating import WarmVolume

                self._volume = WarmVolume(self._idle)
            return self._volume

    def release_if_idle(self) -> bool:
        """Let go what nobody used for long; say whether anything went."""
        model = self._warm is not None and self._warm.release_if_idle()
        volume = self._volume is not None and self._volume.release_if_idle()
        return model or volume

    def hello(self, params: Params) -> Any:
        """Versions and devices."""
        params.end()
        self.warm()
        from voco3d.worker.machine import hello

        return hello()

    def models(self, params: Params) -> Any:
        """The installed models."""
        params.end()
        self.warm()
        from voco3d.worker.models import models

        return models()

    def model(self, params: Params) -> Any:
        """One model."""
        name = params.text("model")
        params.end()
        self.warm()
        from voco3d.worker.models import model

        return model(name)

    def estimate(self, params: Params) -> Any:
        """Memory and time of a segmentation."""
        warm = self.warm()
        from voco3d.worker import estimating

        return estimating.run(params, warm)

    def segment(self, params: Params, job: Job) -> Any:
        """Segment an image."""
        warm = self.warm()
        from voco3d.worker import segmenting

        return segmenting.run(segmenting.Order.read(params), job, warm)

    def positions(self, params: Params, job: Job) -> Any:
        """Where crops of an image lie."""
        volume = self.volume()
        from voco3d.worker import locating

        return locating.run(params, job, volume)


QUICK: Mapping[str, Quick] = {
    "hello": Methods.hello,
    "models": Methods.models,
    "model": Methods.model,
    "estimate": Methods.estimate,
}
"""Answered one after the other, also while a job runs."""

LONG: Mapping[str, Long] = {"segment": Methods.segment, "positions": Methods.positions}
"""One at a time; each can be cancelled."""
