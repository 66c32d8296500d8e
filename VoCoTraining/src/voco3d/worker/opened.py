"""The images that were asked about last stay open: a further question about them is quick."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from voco3d.data.images import read_image
from voco3d.inference import choose_device
from voco3d.models import find_model
from voco3d.positions import OpenVolume, PlaceFinder, Positioner, VolumeCheck, check_volume
from voco3d.worker.idle import Idle
from voco3d.worker.job import Job
from voco3d.worker.warm import Identity, identity

Counts = tuple[int, int, int]
Written = Identity | None
"""What tells an image file; None where there is none."""


class OpenImages:
    """One model that predicts positions, with an image, a pair of images and a check of an image.

    Another model, another image or the same file with other content takes their place. All
    methods but the last are called by the thread that works, inside ``in_use``.

    Attributes:
        in_use: Keeps everything, for as long as a block runs; see ``Idle``.

    Args:
        idle: Seconds without use after which all is let go.
        clock: Tells the time in seconds.
    """

    def __init__(self, idle: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._idle = Idle(idle, clock)
        self.in_use = self._idle.in_use
        self._let_go()

    def _let_go(self) -> None:
        self._model: tuple[tuple[str, str, Identity], Positioner] | None = None
        self._volume: tuple[tuple[Written, Counts], OpenVolume] | None = None
        self._pair: tuple[tuple[Written, Written], PlaceFinder] | None = None
        self._check: tuple[Written, VolumeCheck] | None = None

    def volume(
        self, image: Path, model: str, device: str, counts: Counts | None, job: Job
    ) -> OpenVolume:
        """An image with its bases embedded.

        Raises:
            VoCoError: If the image, the model or the device cannot be used.
            CancelledError: If the job was cancelled.
        """
        positioner = self._positioner(model, device, job)
        counts = counts or positioner.encoder.grid.counts
        key = _written(image), counts
        if self._volume is None or self._volume[0] != key:
            self._volume = None
            job.progress(0, 1, "reading")
            voxels = read_image(image)
            opened = positioner.open(voxels, counts=counts, progress=job.progress)
            self._volume = key, opened
        return self._volume[1]

    def pair(self, source: Path, target: Path, model: str, device: str, job: Job) -> PlaceFinder:
        """Two images, the second of which is searched for places of the first.

        Raises:
            VoCoError: If an image, the model or the device cannot be used.
            CancelledError: If the job was cancelled.
        """
        positioner = self._positioner(model, device, job)
        key = _written(source), _written(target)
        if self._pair is None or self._pair[0] != key:
            self._pair = None
            job.progress(0, 2, "reading")
            image = read_image(source)
            job.progress(1, 2, "reading")
            other = read_image(target)
            self._pair = key, PlaceFinder(positioner, image, other, job.progress)
        return self._pair[1]

    def check(self, image: Path, model: str, device: str, job: Job) -> VolumeCheck:
        """What the model's reference bases say of an image.

        Raises:
            VoCoError: If the image or the device cannot be used, or the model has no such bases.
            CancelledError: If the job was cancelled.
        """
        positioner = self._positioner(model, device, job)
        key = _written(image)
        if self._check is None or self._check[0] != key:
            job.progress(0, 1, "reading")
            voxels = read_image(image)
            self._check = key, check_volume(positioner, voxels, job.progress)
        return self._check[1]

    def _positioner(self, name: str, device: str, job: Job) -> Positioner:
        device = choose_device(device).type
        model = name if os.path.isfile(name) else find_model(name)
        weights = Path(name) if isinstance(model, str) else model.weights
        key = name, device, identity(weights)
        if self._model is None or self._model[0] != key:
            self._let_go()
            job.progress(0, 1, "loading the model")
            self._model = key, Positioner(model, device)
        return self._model[1]

    def release_if_idle(self) -> bool:
        """Let everything go if nobody used it for long; say whether it went."""
        with self._idle.rested() as long:
            if not long or self._model is None:
                return False
            self._let_go()
            return True


def _written(image: Path) -> Written:
    return identity(image) if os.path.exists(image) else None
