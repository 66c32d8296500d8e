"""The request ``positions``: where crops of an image lie, as the network sees it."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from voco3d.data.images import read_image
from voco3d.positions import OpenVolume, Positioner
from voco3d.worker.job import Job
from voco3d.worker.params import Params

Counts = tuple[int, int, int]


class WarmVolume:
    """The image that was asked about last stays open: a further crop of it is quick.

    Args:
        idle: Seconds without use after which it is let go.
        clock: Tells the time in seconds.
    """

    def __init__(self, idle: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._idle = idle
        self._clock = clock
        self._lock = threading.Lock()
        self._last_use = clock()
        self._opened: tuple[tuple[object, ...], OpenVolume] | None = None

    def open(
        self, image: Path, model: str, device: str, counts: Counts | None, job: Job
    ) -> OpenVolume:
        """The image, with its bases embedded.

        Raises:
            VoCoError: If the image, the model or the device cannot be used.
        """
        written = image.stat().st_mtime_ns if image.exists() else None
        key = (image, written, model, device, counts)
        with self._lock:
            opened = self._opened
        if opened is None or opened[0] != key:
            job.progress(0, 1, "reading")
            voxels = read_image(image)
            job.progress(0, 1, "loading the model")
            positioner = Positioner(model, device)
            opened = key, positioner.open(voxels, counts=counts, progress=job.progress)
        with self._lock:
            self._opened, self._last_use = opened, self._clock()
        return opened[1]

    def release_if_idle(self) -> bool:
        """Let the image go if nobody used it for long; say whether it went."""
        with self._lock:
            if self._opened is None or self._clock() - self._last_use < self._idle:
                return False
            self._opened = None
            return True


def run(params: Params, job: Job, warm: WarmVolume) -> dict[str, Any]:
    """Locate crops.

    Returns:
        What ``voco3d.positions.PositionReport`` says; its places are RAS mm.

    Raises:
        RpcError: If the params are not what they should be.
        VoCoError: If the image, the model or the device cannot be used.
        CancelledError: If the job was cancelled.
    """
    image, model = Path(params.text("image")), params.text("model")
    device, counts = params.text("device", "auto"), params.counts_or_none("grid")
    crops = params.points("crops")
    params.end()
    opened = warm.open(image, model, device, counts, job)
    centres = [(-x, -y, z) for x, y, z in crops]
    located = opened.locate(centres, job.progress) if centres else ()
    job.commit()
    return opened.report(located).to_plain()
