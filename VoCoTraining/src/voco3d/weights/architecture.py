"""Which network a checkpoint belongs to, read from its keys and shapes."""

from collections.abc import Mapping

from torch import Tensor

from voco3d.errors import VoCoError
from voco3d.networks import NetworkConfig
from voco3d.weights.checkpoint import Checkpoint

SWIN_FIRST = "swinViT.patch_embed.proj.weight"
SWIN_HEAD = "out.conv.conv.weight"
UNET_FIRST = "input_block.conv1.conv.weight"
UNET_LAST = "bottleneck.conv1.conv.weight"
UNET_HEAD = "output_block.conv.conv.weight"


def infer_network(checkpoint: Checkpoint, *, out_channels: int | None = None) -> NetworkConfig:
    """Return the configuration of the network whose weights a checkpoint holds.

    Args:
        checkpoint: What ``read_tensors`` returned.
        out_channels: Class count, background included, for a checkpoint without a head (encoder
            only); by default the head says it.

    Raises:
        VoCoError: If the network is unknown or not offered, or if neither a head nor
            ``out_channels`` gives the class count.
    """
    tensors = checkpoint.tensors
    if any(key.startswith("encoder.stages.") for key in tensors):
        raise VoCoError(
            "The weights are of an nnU-Net network (PlainConvUNet or its relatives), which this "
            "version does not offer; use a SwinUNETR or a DynUNet checkpoint."
        )
    if "vit.patch_embedding.position_embeddings" in tensors:
        raise VoCoError(
            "The weights are of a UNETR, whose window size and number of heads are not stored in "
            "a checkpoint; describe the network in a model folder instead."
        )
    if SWIN_FIRST in tensors:
        return _swin_unetr(tensors, out_channels)
    if UNET_FIRST in tensors and UNET_LAST in tensors:
        return _unet(tensors, out_channels)
    raise VoCoError(
        f"The weights are of no network that this version knows (SwinUNETR, DynUNet): their first "
        f"keys are {', '.join(list(tensors)[:3])}."
    )


def has_head(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint holds a trained segmentation head and not an encoder alone.

    Pre-training, which leaves a projector in its checkpoints, does not touch the head.
    """
    heads = {SWIN_HEAD, UNET_HEAD} & checkpoint.tensors.keys()
    return bool(heads) and "projector.linear1.weight" not in checkpoint.tensors


def _swin_unetr(tensors: Mapping[str, Tensor], out_channels: int | None) -> NetworkConfig:
    if not any(key.startswith("swinViT.layers1c.") for key in tensors):
        raise VoCoError(
            "The weights are of a SwinUNETR of version 1 (without the convolutions layers1c to "
            "layers4c), which this version does not offer; use weights made with use_v2=True."
        )
    feature_size, in_channels = _channels(tensors, SWIN_FIRST)
    classes = _class_count(tensors, SWIN_HEAD, out_channels)
    return NetworkConfig("swin_unetr", in_channels, classes, {"feature_size": feature_size})


def _unet(tensors: Mapping[str, Tensor], out_channels: int | None) -> NetworkConfig:
    if "input_block.conv3.conv.weight" in tensors:
        raise VoCoError(
            "The weights are of a DynUNet with residual blocks, which this version does not offer; "
            "use weights made with res_block=False."
        )
    first, in_channels = _channels(tensors, UNET_FIRST)
    filters = [first]
    while (key := f"downsamples.{len(filters) - 1}.conv1.conv.weight") in tensors:
        filters.append(_channels(tensors, key)[0])
    filters.append(_channels(tensors, UNET_LAST)[0])
    classes = _class_count(tensors, UNET_HEAD, out_channels)
    return NetworkConfig("unet", in_channels, classes, {"filters": filters})


def _class_count(tensors: Mapping[str, Tensor], head: str, out_channels: int | None) -> int:
    if out_channels is not None:
        return out_channels
    if head not in tensors:
        raise VoCoError(
            "The file holds only an encoder (no segmentation head): it can be used as initial "
            "weights for training, not for segmentation."
        )
    return _channels(tensors, head)[0]


def _channels(tensors: Mapping[str, Tensor], key: str) -> tuple[int, int]:
    """Return the output and input channels of a 3-D convolution's weight."""
    shape = tensors[key].shape
    if len(shape) != 5:
        raise VoCoError(
            f"The weights are not of a 3-D network: {key} has {len(shape)} dimensions, not 5."
        )
    return shape[0], shape[1]
