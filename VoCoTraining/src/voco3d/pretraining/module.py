"""One training step of VoCo."""

import copy
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from voco3d.errors import VoCoError
from voco3d.geometry import BaseGrid
from voco3d.losses import Embeddings, Loss, find_recipe, objective
from voco3d.networks import PositionNetwork
from voco3d.pretraining.config import PretrainConfig
from voco3d.pretraining.gathering import gather
from voco3d.pretraining.network import build_position_network
from voco3d.pretraining.teacher import Teacher
from voco3d.training.schedule import warm_cosine


class VoCoModule(pl.LightningModule):
    """The student, its teacher, and what is minimised.

    The crops of all processes are one batch: their features are gathered before the projector,
    so that its normalisation sees the global batch, and every process computes the global loss.
    The precision is that of the encoder; what follows it is in single precision.

    Args:
        config: All options of the run.
        network: The student, as it begins.
        names: Of the volumes, by index: an error says at which of them it came.

    Attributes:
        network: The student.
        teacher: The moving average of the student, where the recipe has one.
        recipe: What is minimised.
        grid: Where the bases lie.
        gradient_norm: Of the last step, before clipping.

    Raises:
        VoCoError: If the recipe is unknown.
    """

    def __init__(
        self, config: PretrainConfig, network: PositionNetwork, names: Sequence[str]
    ) -> None:
        super().__init__()
        self.config, self.network, self.names = config, network, names
        self.recipe = find_recipe(config.recipe)
        self.grid = BaseGrid(config.crops.counts, config.crops.size)
        self.teacher = self._make_teacher()
        self.gradient_norm = math.nan
        encode: Callable[..., Tensor] = PositionNetwork.features
        self._encode = torch.compile(encode) if config.compute.compile else encode
        self._volumes = torch.zeros(0)

    def _make_teacher(self) -> Teacher | None:
        if self.recipe.teacher == "none":
            return None
        if self.config.teacher.start == "student":
            average = copy.deepcopy(self.network)
        else:
            average = build_position_network(self.config)
        whole = self.recipe.teacher == "network"
        return Teacher(average if whole else average.projector, self.config.teacher.momentum)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> dict[str, Tensor]:
        """The loss of the global batch, and its terms."""
        if batch_idx % self.config.optimisation.accumulate == 0:
            self._begin_step()
        self._volumes = batch["volume"]
        images = torch.cat([batch["bases"], batch["crops"]], dim=1)
        features = self._features(self.network, images)
        taught = self._teacher_features(images, features)
        with torch.autocast(self.device.type, enabled=False):
            student = self._embed(self.network.projector, features)
            teacher = self._teacher_embeddings(taught)
            terms = objective(self.recipe, student, teacher, gather(batch["overlaps"]))
            loss = self._weighted(terms)
        if not torch.isfinite(loss):
            raise self._diverged(f"loss is {loss.item()}")
        return {
            "loss": loss,
            "prediction": terms.prediction.detach(),
            "regularisation": terms.regularisation.detach(),
            "inter_volume": terms.inter_volume.detach(),
        }

    def _begin_step(self) -> None:
        """Make randomness a function of step and process, and move the teacher on."""
        state = np.random.SeedSequence((self.config.seed, self.global_step, self.global_rank))
        torch.manual_seed(int(state.generate_state(1)[0]))
        if self.teacher is not None:
            whole = self.recipe.teacher == "network"
            self.teacher.update(self.network if whole else self.network.projector)

    def _features(self, network: PositionNetwork, images: Tensor) -> Tensor:
        """Features ``(volume, crop, width)`` of the volumes of all processes."""
        features = self._encode(network, images.flatten(0, 1), self.config.compute.at_once)
        return gather(features.float().view(*images.shape[:2], -1))

    def _embed(self, projector: nn.Module, features: Tensor) -> Embeddings:
        """Project the features of all crops, the bases first, as one batch."""
        projected = projector(features.flatten(0, 1)).view(*features.shape[:2], -1)
        return Embeddings(crops=projected[:, self.grid.n :], bases=projected[:, : self.grid.n])

    @torch.no_grad()
    def _teacher_features(self, images: Tensor, features: Tensor) -> Tensor:
        """The features that the teacher's projector takes: of its own encoder, if it has one."""
        if self.teacher is not None and isinstance(self.teacher.average, PositionNetwork):
            return self._features(self.teacher.average, images)
        return features.detach()

    @torch.no_grad()
    def _teacher_embeddings(self, features: Tensor) -> Embeddings | None:
        if self.teacher is None:
            return None
        average = self.teacher.average
        projector = average.projector if isinstance(average, PositionNetwork) else average
        return self._embed(projector, features)

    def _weighted(self, terms: Loss) -> Tensor:
        """Equation 7, and the inter-volume term."""
        weights = self.config.optimisation
        return (
            weights.prediction_weight * terms.prediction
            + weights.regularisation_weight * terms.regularisation
            + weights.inter_volume_weight * terms.inter_volume
        )

    def _diverged(self, what: str) -> VoCoError:
        volumes = gather(self._volumes).tolist()
        names = ", ".join(self.names[volume] for volume in volumes)
        return VoCoError(
            f"At step {self.global_step} the {what}, so training has stopped, and the last "
            f"checkpoint stays: look at the volumes of this step ({names}), or begin again with a "
            "lower optimisation.learning_rate or another compute.precision."
        )

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
        limit = self.config.optimisation.clip or math.inf
        self.gradient_norm = clip_grad_norm_(self._trained(), limit).item()
        if not math.isfinite(self.gradient_norm) and self.config.compute.precision != "fp16":
            raise self._diverged(f"gradient's norm is {self.gradient_norm}")

    def configure_optimizers(self) -> Any:
        """AdamW, and a learning rate of each step's own."""
        options = self.config.optimisation
        optimizer = AdamW(
            self._trained(),
            lr=options.learning_rate,
            weight_decay=options.weight_decay,
            amsgrad=options.amsgrad,
            # The fused AdamW unscales by itself, before the gradient can be clipped.
            fused=self.device.type in ("cuda", "cpu") and self.config.compute.precision != "fp16",
        )
        share = partial(warm_cosine, warmup=options.warmup, steps=options.steps)
        scheduler = {"scheduler": LambdaLR(optimizer, share), "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": scheduler}

    def _trained(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Have a checkpoint say what it is of."""
        checkpoint["config"] = self.config.to_plain()
