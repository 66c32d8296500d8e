"""One training step of a network that classifies."""

import torch
import torch.nn.functional as F
from torch import Tensor

from voco3d.finetuning.module import FinetuningModule


class ClassificationModule(FinetuningModule):
    """Minimises the cross-entropy of whole volumes."""

    def loss_of(self, batch: dict[str, Tensor]) -> Tensor:
        """The loss of the volumes of a batch."""
        logits = self._logits(self.network, batch["image"], self.config.compute.at_once)
        with torch.autocast(self.device.type, enabled=False):
            return F.cross_entropy(logits.float(), batch["category"])
