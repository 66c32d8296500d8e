"""How much memory is free, how much tensors take, and whether it was memory that ran out."""

from pathlib import Path
from typing import Any, NamedTuple
from weakref import finalize

import psutil
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

CGROUP = Path("/sys/fs/cgroup")
SAYINGS = (
    "can't allocate memory",
    "not enough memory",
    "bad_alloc",
    "failed to allocate",
    "unable to allocate",
)
"""What allocators of main memory say that have no exception of their own: PyTorch's, ITK's."""


class Memory(NamedTuple):
    """Bytes that are free, and bytes that there are."""

    available: int
    total: int


def main_memory() -> Memory:
    """Main memory and swap, no more than a container may take."""
    main, swap = psutil.virtual_memory(), psutil.swap_memory()
    available, total = main.available + swap.free, main.total
    limit, used = (_number(CGROUP / f"memory.{name}") for name in ("max", "current"))
    if limit is not None and used is not None:
        available, total = min(available, max(0, limit - used)), min(total, limit)
    return Memory(available, total)


def device_memory(device: torch.device) -> Memory:
    """The memory that a device computes in; what PyTorch has taken and can use again is free."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return Memory(free + unused, total)
    if device.type == "mps":
        total = torch.mps.recommended_max_memory()
        return Memory(max(0, total - torch.mps.driver_allocated_memory()), total)
    return main_memory()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, of a device or of the machine."""
    if isinstance(error, MemoryError) or is_out_of_device_memory(error):
        return True
    return any(saying in said for said in _said(error) for saying in SAYINGS)


def is_out_of_device_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out of a device that is not the CPU."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return any("out of memory" in said for said in _said(error))


def _said(error: BaseException) -> list[str]:
    """What a runtime error says, and the one that it came from."""
    chain = (error, error.__cause__)
    return [str(each).lower() for each in chain if isinstance(each, RuntimeError)]


def free_unused(device: torch.device) -> None:
    """Give back what PyTorch keeps of a device's memory for later."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


class TensorPeak(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of all tensors that are made inside it.

    Attributes:
        peak: The most bytes that were there at one time.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self._bytes = 0
        self._holders: dict[int, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run an operation and count its results."""
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self._count(tensor)
        self.peak = max(self.peak, self._bytes)
        return result

    def _count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        place, size = storage.data_ptr(), storage.nbytes()
        if not place:
            return
        if place not in self._holders:
            self._bytes += size
            self._holders[place] = 0
        self._holders[place] += 1
        finalize(tensor, self._let_go, place, size)

    def _let_go(self, place: int, size: int) -> None:
        self._holders[place] -= 1
        if not self._holders[place]:
            del self._holders[place]
            self._bytes -= size


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None
