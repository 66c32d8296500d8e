"""The model that was used last stays in memory, ready for the next image, for some time."""

import copy
import gc
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from voco3d.inference import Segmenter, choose_device
from voco3d.inference.estimate import Cost, measure_cost
from voco3d.inference.memory import free_unused
from voco3d.inference.stepping_down import Window
from voco3d.models import find_model
from voco3d.worker.idle import Idle

Identity = tuple[str, int, int]
"""Path, size and time of a file."""

CHUNK = 2**20
"""Bytes that are read of a file at a time."""


class WarmModel:
    """One model that is loaded once, used often, and let go when nobody needs it.

    Args:
        idle: Seconds without use after which it is let go.
        clock: Tells the time in seconds.
    """

    def __init__(self, idle: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._idle = Idle(idle, clock)
        self._loading = threading.Lock()
        self._segmenter: Segmenter | None = None
        self._key: tuple[str, str, Identity | None] | None = None
        self._costs: dict[tuple[Identity, str, Window], Cost] = {}
        self._hashes: dict[Identity, str] = {}

    @contextmanager
    def use(self, name: str, device: str) -> Iterator[Segmenter]:
        """Have a model in memory, for as long as the block runs.

        Args:
            name: Name of a model, a model folder or a checkpoint file.
            device: "auto", "cpu", "cuda" or "mps".

        Raises:
            VoCoError: If the model or the device cannot be used.
        """
        with self._idle.in_use():
            with self._loading:
                segmenter = self._load(name, choose_device(device).type)
            yield segmenter

    def _load(self, name: str, device: str) -> Segmenter:
        key = name, device, identity(Path(name)) if os.path.isfile(name) else None
        if key[2] is not None and self._key == key and self._segmenter is not None:
            return self._segmenter
        model = find_model(name)
        key = name, device, identity(model.weights)
        network = None if self._segmenter is None else self._segmenter.network
        if self._key != key:
            self._segmenter = network = None
        self._segmenter, self._key = Segmenter(model, device, network), key
        return self._segmenter

    def cost_of(self, segmenter: Segmenter, window: Window) -> Cost:
        """What a model costs on its device; measured once, while it is in use."""
        key = (identity(segmenter.model.weights), segmenter.device.type, window)
        if key not in self._costs:
            network = segmenter.network
            if segmenter.device.type != "cpu":
                # Of its own: a job that stepped down may be using the network on the CPU.
                network = copy.deepcopy(network).to(segmenter.device)
            self._costs[key] = measure_cost(network, segmenter.model, segmenter.device, window)
        return self._costs[key]

    def known_cost_of(self, segmenter: Segmenter, window: Window) -> Cost | None:
        """What was measured before, if anything."""
        key = (identity(segmenter.model.weights), segmenter.device.type, window)
        return self._costs.get(key)

    def hash_of(self, weights: Path) -> str:
        """The SHA-256 of a weights file, in hexadecimal digits."""
        key = identity(weights)
        if key not in self._hashes:
            self._hashes[key] = _sha256(weights)
        return self._hashes[key]

    def release_if_idle(self) -> bool:
        """Let the model go if nobody used it for long; say whether it went."""
        with self._idle.rested() as long:
            if not long or self._segmenter is None:
                return False
            device = self._segmenter.device
            self._segmenter = None
        gc.collect()
        free_unused(device)
        return True


def identity(file: Path) -> Identity:
    """By what another file, or another content, is told.

    Raises:
        OSError: If it is not there.
    """
    status = file.stat()
    return str(file), status.st_size, status.st_mtime_ns


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while piece := content.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()
