"""Reading a checkpoint file, whatever its wrappers and prefixes, without running code from it."""

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from voco3d.errors import VoCoError

WRAPPERS = ("state_dict", "network_weights", "net", "student")
PREFIXES = ("module.", "_orig_mod.", "network.", "backbone.", "student.")
"""Of distributed and compiled modules, of a training run's parts, and of the authors' parts."""
SPELLINGS = (
    (re.compile(r"swin_vit\."), "swinViT."),
    (re.compile(r"(?:proj_head\.)?layer([123])\.0\.(?=(?:weight|bias)$)"), r"projector.linear\1."),
)
"""The authors' names, at the start of a key, and the ones here.

Their projector is ``proj_head`` in the code of 2024, and the ``student`` itself in that of 2025.
"""

_numpy_scalar: Any = np.float64(0).__reduce__()[0]
_NUMPY_NUMBERS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (_numpy_scalar, "numpy.core.multiarray.scalar"),
    (_numpy_scalar, "numpy._core.multiarray.scalar"),
    np.dtype,
    np.dtypes.Float32DType,
    np.dtypes.Float64DType,
    np.dtypes.Int64DType,
]
"""What a metric such as the best Dice, kept beside the weights, is stored as."""


@dataclass(frozen=True)
class Checkpoint:
    """The tensors of a file by the network's own key names.

    Attributes:
        tensors: Tensor by key.
        renamed: Pairs (key in the file, key here) where the two differ.
    """

    tensors: Mapping[str, Tensor]
    renamed: tuple[tuple[str, str], ...] = ()


def read_tensors(path: str | Path) -> Checkpoint:
    """Read the weights of a ``.safetensors`` file or, for any other ending, a PyTorch checkpoint.

    Wrappers (``WRAPPERS``, nested too) are opened, prefixes (``PREFIXES``, repeated too) are
    taken off, and the authors' names become those used here (``SPELLINGS``). A PyTorch checkpoint
    is read with ``weights_only=True``: it can hold tensors, plain values and NumPy numbers,
    nothing else.

    Args:
        path: The file.

    Raises:
        VoCoError: If the file is missing, unreadable, empty, damaged, foreign, holds no tensors
            by name, or holds Python objects, which could run code.
    """
    path = Path(path)
    _check_readable(path)
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickle(path)
    tensors: dict[str, Tensor] = {}
    renamed = []
    for name, tensor in _unwrap(content, path).items():
        key = _network_key(name)
        if key in tensors:
            raise VoCoError(
                f"{path} holds several tensors for {key}; save the weights of one network alone."
            )
        tensors[key] = tensor.detach()
        if key != name:
            renamed.append((name, key))
    return Checkpoint(tensors, tuple(renamed))


def _check_readable(path: Path) -> None:
    if not path.is_file():
        what = "is a folder, not a checkpoint file" if path.is_dir() else "does not exist"
        raise VoCoError(f"{path} {what}; name a checkpoint file.")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise VoCoError(f"{path} cannot be read ({error.strerror}).") from error
    if empty:
        raise VoCoError(f"{path} is empty; download or copy it again.")


def _read_safetensors(path: Path) -> object:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise VoCoError(
            f"{path} is damaged or no safetensors file ({error}); download or copy it again."
        ) from error


def _read_pickle(path: Path) -> object:
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_NUMPY_NUMBERS):
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a file that is no checkpoint makes torch raise nearly anything
        refused = re.search(r"GLOBAL ([\w.]+)", str(error))
        if refused:
            raise VoCoError(
                f"{path} was refused: besides weights it holds {refused[1]}, and such Python "
                "objects can run code; save the state dict alone, best as .safetensors."
            ) from error
        raise VoCoError(
            f"{path} is damaged or no PyTorch checkpoint; download or copy it again, or name a "
            "file written by torch.save or a .safetensors file."
        ) from error


def _unwrap(content: object, path: Path) -> dict[str, Tensor]:
    """Return the innermost dictionary's tensors by their keys."""
    if isinstance(content, Mapping):
        for wrapper in WRAPPERS:
            if isinstance(content.get(wrapper), Mapping):
                return _unwrap(content[wrapper], path)
        tensors = {
            name: value
            for name, value in content.items()
            if isinstance(name, str) and isinstance(value, Tensor)
        }
        if tensors:
            return tensors
    raise VoCoError(
        f"{path} holds no tensors by name; a checkpoint must be a dictionary of tensors, alone "
        f"or under {', '.join(WRAPPERS)}."
    )


def _network_key(name: str) -> str:
    """Return the key without prefixes and in the network's own spelling."""
    while name.startswith(PREFIXES):
        name = name.partition(".")[2]
    for theirs, ours in SPELLINGS:
        if match := theirs.match(name):
            name = match.expand(ours) + name[match.end() :]
    return name
