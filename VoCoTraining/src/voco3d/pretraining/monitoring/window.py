"""What happened since the last row of the training record: means, pace and waiting."""

import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor


class Window:
    """Collects the batches between two rows.

    The time between the end of a batch and the start of the next counts as waiting for data,
    unless ``interrupt`` is called in between. On a GPU, which works on while the process waits,
    the share of waiting is an upper bound.

    Args:
        clock: Gives the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._since: float | None = None
        self._in_batch = False
        self._clear()

    def _clear(self) -> None:
        self._sums: dict[str, float | Tensor] = {}
        self._batches = self._volumes = 0
        self._busy = self._waiting = 0.0

    def started(self) -> None:
        """A batch begins: what went before was waiting."""
        now = self._clock()
        if self._since is not None:
            self._waiting += now - self._since
        self._since, self._in_batch = now, True

    def ended(self, values: Mapping[str, float | Tensor], volumes: int) -> None:
        """A batch is done; ``values`` are averaged, tensors are left on their device."""
        for name, value in values.items():
            value = value.detach() if isinstance(value, Tensor) else value
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._batches += 1
        self._volumes += volumes
        self._work()
        self._in_batch = False

    def interrupt(self) -> None:
        """Something else begins, such as a probe: its time is not counted."""
        if self._in_batch:
            self._work()
        self._since = None

    def row(self) -> dict[str, float]:
        """The means of the values, ``volumes_per_second`` and ``waiting_share``; begin anew."""
        means = {
            name: float(torch.as_tensor(total)) / self._batches
            for name, total in self._sums.items()
        }
        self._work()  # fetching the means waits for the device, which is work, not waiting
        elapsed = max(self._busy + self._waiting, 1e-9)
        means["volumes_per_second"] = self._volumes / elapsed
        means["waiting_share"] = self._waiting / elapsed
        self._clear()
        return means

    def __bool__(self) -> bool:
        return self._batches > 0

    def _work(self) -> None:
        now = self._clock()
        if self._since is not None:
            self._busy += now - self._since
        self._since = now
