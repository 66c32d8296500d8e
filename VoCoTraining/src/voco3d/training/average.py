"""The exponential moving average of a network: the teacher of VoCo, and what fine-tuning keeps."""

import torch
from torch import nn


class MovingAverage(nn.Module):
    """A moving average of a module's weights and statistics, which gets no gradients.

    Source (as a teacher): the authors' released code.

    Args:
        average: What it begins as, of the module's architecture.
        momentum: Share of itself that it keeps at each update.
    """

    def __init__(self, average: nn.Module, momentum: float) -> None:
        super().__init__()
        self.average = average.requires_grad_(False)
        self.momentum = momentum

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move towards the module; whole numbers, as counters and indices, are taken over."""
        pairs = [
            *zip(self.average.parameters(), module.parameters(), strict=True),
            *zip(self.average.buffers(), module.buffers(), strict=True),
        ]
        floating = [(own, other) for own, other in pairs if own.is_floating_point()]
        own, others = map(list, zip(*floating, strict=True))
        torch._foreach_lerp_(own, others, 1 - self.momentum)
        for whole, other in pairs:
            if not whole.is_floating_point():
                whole.copy_(other)
