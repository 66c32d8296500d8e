"""What the modules of pre-training and fine-tuning have in common."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import AdamW, Optimizer

from voco3d.errors import VoCoError
from voco3d.training.options import Compute, plain


class TrainingModule(pl.LightningModule, ABC):
    """Clips and measures gradients, refuses what is not finite, and says where it came up.

    Attributes:
        compute: Where and how it is computed.
        clip: Longest norm of the gradient, or None.
        seed: Of all that is random.
        gradient_norm: Of the last step, before clipping.
    """

    compute: Compute
    clip: float | None
    seed: int
    gradient_norm: float = math.nan

    @abstractmethod
    def options(self) -> Any:
        """The dataclass of all options of the run."""

    @property
    @abstractmethod
    def result(self) -> nn.Module:
        """The network that is validated and kept."""

    @abstractmethod
    def names_of_batch(self) -> Sequence[str]:
        """What the batch at hand was cut from, in all processes."""

    def trained(self) -> list[nn.Parameter]:
        """The parameters that are fitted."""
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def seed_step(self) -> None:
        """Make what torch draws from here on a function of the seed, the step and the process."""
        state = np.random.SeedSequence((self.seed, self.global_step, self.global_rank))
        torch.manual_seed(int(state.generate_state(1)[0]))

    def check_loss(self, loss: Tensor) -> None:
        """Refuse a loss that is not finite.

        Raises:
            VoCoError: If it is not.
        """
        if not torch.isfinite(loss):
            raise self._diverged(f"loss is {loss.item()}")

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Measure the gradient's norm and clip it.

        Raises:
            VoCoError: If it is not finite. In half precision that is no error: the scaler leaves
                out the step.
        """
        limit = self.clip or math.inf
        self.gradient_norm = clip_grad_norm_(self.trained(), limit).item()
        if not math.isfinite(self.gradient_norm) and self.compute.precision != "fp16":
            raise self._diverged(f"gradient's norm is {self.gradient_norm}")

    def adamw(self, parameters: Any, **options: Any) -> AdamW:
        """AdamW, fused where it can be."""
        # The fused AdamW unscales by itself, before the gradient can be clipped.
        fused = self.device.type in ("cuda", "cpu") and self.compute.precision != "fp16"
        return AdamW(parameters, fused=fused, **options)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Have a checkpoint say what it is of."""
        checkpoint["config"] = plain(asdict(self.options()))

    def _diverged(self, what: str) -> VoCoError:
        return VoCoError(
            f"At step {self.global_step} the {what}, so training has stopped, and the last "
            f"checkpoint stays: look at what this step was made of "
            f"({', '.join(self.names_of_batch())}), or begin again with a lower "
            "optimisation.learning_rate or another compute.precision."
        )
