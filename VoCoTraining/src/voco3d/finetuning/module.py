"""One training step of fine-tuning."""

import copy
from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.checkpoint import checkpoint

from voco3d.finetuning.config import FinetuneConfig
from voco3d.finetuning.loss import exclusive_loss, overlapping_loss
from voco3d.networks import Backbone, Classifier
from voco3d.training.average import MovingAverage
from voco3d.training.module import TrainingModule
from voco3d.training.parameter_groups import parameter_groups
from voco3d.training.schedule import warm_cosine


class FinetuningModule(TrainingModule):
    """A network and the moving average of its weights, whatever is minimised.

    Args:
        config: All options of the run.
        network: The network, as it begins.
        names: Of the training cases, by index.

    Attributes:
        network: What is trained.
        average: The moving average, where one is asked for.
    """

    def __init__(
        self, config: FinetuneConfig, network: Backbone | Classifier, names: Sequence[str]
    ) -> None:
        super().__init__()
        self.config, self.network, self.names = config, network, names
        self.compute, self.clip, self.seed = config.compute, config.optimisation.clip, config.seed
        options = config.optimisation
        if options.frozen_steps is None or options.frozen_steps >= options.steps:
            for key, parameter in network.named_parameters():
                if network.encoder_level(key) is not None:
                    parameter.requires_grad_(False)
        self.average = MovingAverage(copy.deepcopy(network), 0.0) if options.average else None
        self._logits = torch.compile(logits_of) if config.compute.compile else logits_of
        self._cases = torch.zeros(0)

    @property
    def result(self) -> Backbone | Classifier:
        """The network that is validated and kept."""
        return cast(Backbone | Classifier, self.average.average) if self.average else self.network

    @abstractmethod
    def loss_of(self, batch: dict[str, Tensor]) -> Tensor:
        """What is minimised."""

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """The loss of a batch."""
        if batch_idx % self.config.optimisation.accumulate == 0:
            self.seed_step()
        self._cases = batch["case"]
        loss = self.loss_of(batch)
        self.check_loss(loss)
        return loss

    def optimizer_step(self, *arguments: Any, **named: Any) -> None:
        """Move the average on after each step."""
        super().optimizer_step(*arguments, **named)
        if self.average is not None:
            keep = self.config.optimisation.average
            self.average.momentum = min(keep, (1 + self.global_step) / (10 + self.global_step))
            self.average.update(self.network)

    def options(self) -> FinetuneConfig:
        """All options of the run."""
        return self.config

    def names_of_batch(self) -> Sequence[str]:
        """The cases of this process's batch."""
        return [self.names[case] for case in self._cases.tolist()]

    def configure_optimizers(self) -> Any:
        """AdamW with a rate for each level of the encoder, and a schedule a step."""
        options = self.config.optimisation
        groups = parameter_groups(
            self.network, options.learning_rate, options.encoder_rate, options.layer_decay
        )
        optimizer = self.adamw(groups, weight_decay=options.weight_decay)
        share: Callable[[int], float] = partial(
            warm_cosine, warmup=options.warmup, steps=options.steps
        )
        frozen = options.frozen_steps or 0
        later: Callable[[int], float] = partial(_after, steps=frozen, share=share)
        shares = [later if "encoder" in group["name"] else share for group in groups]
        scheduler = {"scheduler": LambdaLR(optimizer, shares), "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": scheduler}


class SegmentationModule(FinetuningModule):
    """Minimises Dice and cross-entropy of crops.

    Args:
        config: All options of the run.
        network: The network, as it begins.
        overlapping: Whether structures may overlap: then there is no background class.
        names: Of the training cases, by index.
    """

    def __init__(
        self, config: FinetuneConfig, network: Backbone, overlapping: bool, names: Sequence[str]
    ) -> None:
        super().__init__(config, network, names)
        self.loss = overlapping_loss if overlapping else exclusive_loss

    def loss_of(self, batch: dict[str, Tensor]) -> Tensor:
        """The loss of the crops of a batch."""
        image, target, known = (batch[key].flatten(0, 1) for key in ("image", "target", "known"))
        logits = self._logits(self.network, image, self.config.compute.at_once)
        with torch.autocast(self.device.type, enabled=False):
            return self.loss(logits.float(), target, known)


def logits_of(network: nn.Module, image: Tensor, at_once: int | None) -> Tensor:
    """Logits of crops, all together or so many at a time; then each part is computed twice.

    Args:
        network: Gives logits.
        image: ``(crop, channel, x, y, z)``.
        at_once: Crops at a time; None for all.
    """
    if at_once is None:
        logits: Tensor = network(image)
        return logits
    parts = torch.split(image, at_once)
    return torch.cat([checkpoint(network, part, use_reentrant=False) for part in parts])


def _after(step: int, steps: int, share: Callable[[int], float]) -> float:
    """A share of the learning rate that is 0 in the first steps."""
    return 0.0 if step < steps else share(step)
