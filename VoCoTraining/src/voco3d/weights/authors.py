"""Weights as the authors of VoCo name them, for their fine-tuning code and tools made for it."""

from pathlib import Path

import torch

from voco3d.errors import VoCoError
from voco3d.networks import PositionNetwork, SwinUNETR
from voco3d.writing import write_aside


def export_authors(network: PositionNetwork, path: Path) -> None:
    """Write encoder and projector as the authors' pre-training network has them.

    The file is a PyTorch file: a bare dictionary of tensors, ``swinViT.*``, ``encoder1.*`` to
    ``encoder10.*`` and ``proj_head.*``, without a wrapper or prefix. All of their loaders take
    it: some open no wrapper. They name no running statistics in the projector, which their
    normalisation does not keep.

    Args:
        network: With a SwinUNETR as backbone, which is the only one of theirs.
        path: The file, ``.pt`` or ``.pth``; an existing one is replaced.

    Raises:
        VoCoError: If the backbone is another one or the file cannot be written.
    """
    if not isinstance(network.backbone, SwinUNETR):
        raise VoCoError(
            f"The authors' code has no network {network.backbone.config.name}: only a swin_unetr "
            "can be exported for it."
        )
    state = network.backbone.state_dict()
    tensors = {key: state[key] for key in network.backbone.encoder_keys()}
    for key, tensor in network.projector.named_parameters():
        layer, name = key.split(".")
        tensors[f"proj_head.{layer.replace('linear', 'layer')}.0.{name}"] = tensor
    plain = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    write_aside(path, lambda part: torch.save(plain, part))
