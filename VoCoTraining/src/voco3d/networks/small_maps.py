"""A guard against wrong bfloat16 gradients on the CPU."""

import torch
from torch import Tensor, nn

SMALL = 4**3
"""Voxels of a small map. The fault was seen on maps of 2^3, where a map of 4^3 is halved too."""


class SmallMapConv3d(nn.Conv3d):
    """A convolution that computes small maps in single precision, whatever autocast says.

    On CPUs with bfloat16 units the gradient of a 3 x 3 x 3 convolution's weights is wrong on maps
    of 2^3 voxels: it reads memory that nothing was written to, and the loss looks healthy.
    """

    def forward(self, image: Tensor) -> Tensor:
        """Feature map ``(batch, channel, x, y, z)`` of a map."""
        if image.device.type != "cpu" or image.shape[2:].numel() > SMALL:
            return super().forward(image)
        with torch.autocast("cpu", enabled=False):
            return super().forward(image.to(self.weight.dtype))


def guard_small_maps(network: nn.Module) -> None:
    """Make every larger than 1 x 1 x 1 convolution of a network a ``SmallMapConv3d``.

    The modules stay the same, with their weights and keys; only their class changes.
    """
    for module in network.modules():
        if type(module) is nn.Conv3d and max(module.kernel_size) > 1:
            module.__class__ = SmallMapConv3d
