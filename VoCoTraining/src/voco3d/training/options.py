"""Options that all kinds of training share, and how options are checked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from voco3d.errors import VoCoError


@dataclass(frozen=True)
class Compute:
    """Where and how it is computed.

    Attributes:
        device: Of each process: the best there is, or cpu, cuda or mps.
        devices: Processes on each machine, one a GPU.
        nodes: Machines, under torchrun or SLURM.
        precision: Of the encoder: single, or mixed with bfloat16 or, on CUDA, half precision.
        at_once: Crops encoded at a time, and once more in the backward pass: this saves memory;
            null encodes all together.
        compile: Compile the encoder; the first step then takes minutes.
        workers: Processes that prepare crops, for each process that trains.
    """

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: int = 1
    nodes: int = 1
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    at_once: int | None = None
    compile: bool = False
    workers: int = 2

    def __post_init__(self) -> None:
        check(
            "compute",
            devices=(self.devices, self.devices >= 1, "1 or more"),
            nodes=(self.nodes, self.nodes >= 1, "1 or more"),
            at_once=(self.at_once, self.at_once is None or self.at_once >= 1, "1 or more, or null"),
            workers=(self.workers, self.workers >= 0, "0 or more"),
        )


def check(group: str | None, **options: tuple[object, bool, str]) -> None:
    """Refuse the first option, (value, whether it is good, what is good), that is not good."""
    for name, (value, good, wanted) in options.items():
        if not good:
            key = f"{group}.{name}" if group else name
            raise VoCoError(f"The option {key} must be {wanted}, but it is {value}.")


def plain(value: Any) -> Any:
    """Options as YAML can hold them: tuples become lists, paths texts."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
