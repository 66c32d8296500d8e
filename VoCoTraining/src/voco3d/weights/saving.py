"""Writing a network's weights."""

import errno
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from voco3d.errors import VoCoError
from voco3d.writing import write_aside

WEIGHTS = "models/model.safetensors"
"""Where a model folder has its weights."""


def save_weights(
    path: str | Path,
    network: nn.Module,
    dtype: torch.dtype = torch.float32,
    keep: Callable[[str], bool] = lambda key: True,
    others: Mapping[str, Tensor] | None = None,
) -> None:
    """Write the state dict as safetensors, beside its place first and then moved there.

    A tensor that the network has under several keys is written once, under the first. Integer
    tensors keep their type.

    Args:
        path: The ``.safetensors`` file; an existing one is replaced.
        network: The network.
        dtype: ``torch.float32`` or ``torch.float16``, of the floating-point tensors.
        keep: Which state-dict keys are written; all by default.
        others: Tensors that are written beside the network's.

    Raises:
        VoCoError: If the file cannot be written or a weight does not fit into ``dtype``.
    """
    kept = {key: tensor for key, tensor in distinct_tensors(network).items() if keep(key)}
    tensors = {
        key: _stored(key, tensor, dtype) for key, tensor in (kept | dict(others or {})).items()
    }

    def write(part: Path) -> None:
        try:
            save_file(tensors, part, metadata={"format": "pt"})
        except SafetensorError as error:
            raise OSError(errno.EIO, str(error)) from error
        part.chmod(0o644)

    write_aside(Path(path), write)


def distinct_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Return the state dict with each tensor once, under the first of its keys."""
    entries: dict[str, Tensor] = module.state_dict(keep_vars=True)
    first = {id(tensor): key for key, tensor in reversed(entries.items())}
    return {key: tensor.detach() for key, tensor in entries.items() if first[id(tensor)] == key}


def _stored(key: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    value = tensor.detach().cpu().contiguous()
    if value.is_floating_point():
        value = value.to(dtype)
        if not value.isfinite().all():
            raise VoCoError(
                f"The weights of {key} are not finite as {dtype}; save them as float32, or, if "
                "that fails too, train again with a lower learning rate."
            )
    return value
