"""One training step of VoCo."""

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from voco3d.geometry import BaseGrid
from voco3d.losses import Embeddings, Loss, find_recipe, objective
from voco3d.networks import PositionNetwork
from voco3d.pretraining.config import PretrainConfig
from voco3d.pretraining.gathering import gather
from voco3d.pretraining.network import build_position_network
from voco3d.training.average import MovingAverage
from voco3d.training.module import TrainingModule
from voco3d.training.schedule import warm_cosine


class VoCoModule(TrainingModule):
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

    Raises:
        VoCoError: If the recipe is unknown.
    """

    def __init__(
        self, config: PretrainConfig, network: PositionNetwork, names: Sequence[str]
    ) -> None:
        super().__init__()
        self.config, self.network, self.names = config, network, names
        self.compute, self.clip, self.seed = config.compute, config.optimisation.clip, config.seed
        self.recipe = find_recipe(config.recipe)
        self.grid = BaseGrid(config.crops.counts, config.crops.size)
        self.teacher = self._make_teacher()
        encode: Callable[..., Tensor] = PositionNetwork.features
        self._encode = torch.compile(encode) if config.compute.compile else encode
        self._volumes = torch.zeros(0)

    def _make_teacher(self) -> MovingAverage | None:
        if self.recipe.teacher == "none":
            return None
        if self.config.teacher.start == "student":
            average = copy.deepcopy(self.network)
        else:
            average = build_position_network(self.config)
        whole = self.recipe.teacher == "network"
        return MovingAverage(average if whole else average.projector, self.config.teacher.momentum)

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
        self.check_loss(loss)
        return {
            "loss": loss,
            "prediction": terms.prediction.detach(),
            "regularisation": terms.regularisation.detach(),
            "inter_volume": terms.inter_volume.detach(),
        }

    def _begin_step(self) -> None:
        """Make randomness a function of step and process, and move the teacher on."""
        self.seed_step()
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

    def options(self) -> PretrainConfig:
        """All options of the run."""
        return self.config

    @property
    def result(self) -> PositionNetwork:
        """The student."""
        return self.network

    def names_of_batch(self) -> Sequence[str]:
        """The volumes of the global batch."""
        return [self.names[volume] for volume in gather(self._volumes).tolist()]

    def configure_optimizers(self) -> Any:
        """AdamW, and a learning rate of each step's own."""
        options = self.config.optimisation
        optimizer = self.adamw(
            self.trained(),
            lr=options.learning_rate,
            weight_decay=options.weight_decay,
            amsgrad=options.amsgrad,
        )
        share = partial(warm_cosine, warmup=options.warmup, steps=options.steps)
        scheduler = {"scheduler": LambdaLR(optimizer, share), "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": scheduler}
