"""Writing a network's weights."""

import os
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from voco3d.errors import VoCoError


def save_weights(
    path: str | Path,
    network: nn.Module,
    dtype: torch.dtype = torch.float32,
    keep: Callable[[str], bool] = lambda key: True,
) -> None:
    """Write the state dict as safetensors, beside its place first and then moved there.

    A tensor that the network has under several keys is written once, under the first. Integer
    tensors keep their type.

    Args:
        path: The ``.safetensors`` file; an existing one is replaced.
        network: The network.
        dtype: ``torch.float32`` or ``torch.float16``, of the floating-point tensors.
        keep: Which state-dict keys are written; all by default.

    Raises:
        VoCoError: If the file cannot be written or a weight does not fit into ``dtype``.
    """
    path = Path(path)
    tensors = {key: tensor for key, tensor in _stored(network, dtype).items() if keep(key)}
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        save_file(tensors, part, metadata={"format": "pt"})
        part.chmod(0o644)
        part.replace(path)
    except (OSError, SafetensorError) as error:
        raise VoCoError(f"{path} cannot be written ({error}); choose another place.") from error
    finally:
        part.unlink(missing_ok=True)


def _stored(network: nn.Module, dtype: torch.dtype) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    seen: set[int] = set()
    for key, tensor in network.state_dict(keep_vars=True).items():
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        value = tensor.detach().cpu().contiguous()
        if value.is_floating_point():
            value = value.to(dtype)
            if not value.isfinite().all():
                raise VoCoError(
                    f"The weights of {key} are not finite as {dtype}; save them as float32, or, if "
                    "that fails too, train again with a lower learning rate."
                )
        tensors[key] = value
    return tensors
