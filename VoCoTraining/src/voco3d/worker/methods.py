"""What can be asked for. Libraries are imported by the first request, not before."""

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from voco3d.worker.job import Job
from voco3d.worker.params import Params

if TYPE_CHECKING:
    from voco3d.worker.opened import OpenImages
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
        self._images: OpenImages | None = None
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

    def images(self) -> "OpenImages":
        """The images that stay open with a model that predicts positions."""
        self.warm()
        with self._importing:
            if self._images is None:
                from voco3d.worker.opened import OpenImages

                self._images = OpenImages(self._idle)
            return self._images

    def release_if_idle(self) -> bool:
        """Let go what nobody used for long; say whether anything went."""
        model = self._warm is not None and self._warm.release_if_idle()
        images = self._images is not None and self._images.release_if_idle()
        return model or images

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
        images = self.images()
        from voco3d.worker import locating

        return locating.locate(params, job, images)

    def sweep(self, params: Params, job: Job) -> Any:
        """What is predicted all over an image, as two images."""
        images = self.images()
        from voco3d.worker import locating

        return locating.sweep(params, job, images)

    def position_report(self, params: Params, job: Job) -> Any:
        """The figures and numbers about crops of an image, as files."""
        images = self.images()
        from voco3d.worker import reporting

        return reporting.run(params, job, images)

    def check(self, params: Params, job: Job) -> Any:
        """What an image shows, and whether it lies as it says."""
        images = self.images()
        from voco3d.worker import checking

        return checking.run(params, job, images)

    def find(self, params: Params, job: Job) -> Any:
        """Places of one image in another."""
        images = self.images()
        from voco3d.worker import finding

        return finding.run(params, job, images)


QUICK: Mapping[str, Quick] = {
    "hello": Methods.hello,
    "models": Methods.models,
    "model": Methods.model,
    "estimate": Methods.estimate,
}
"""Answered one after the other, also while a job runs."""

LONG: Mapping[str, Long] = {
    "segment": Methods.segment,
    "positions": Methods.positions,
    "sweep": Methods.sweep,
    "position_report": Methods.position_report,
    "check": Methods.check,
    "find": Methods.find,
}
"""One at a time; each can be cancelled."""
