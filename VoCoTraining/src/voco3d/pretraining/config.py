"""All options of a pre-training run."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from voco3d.pretraining.volume_crops import Augmentation
from voco3d.training.options import Compute, check, plain


@dataclass(frozen=True)
class Network:
    """The network that is trained.

    Attributes:
        name: Kind of network: swin_unetr, unetr or unet.
        args: Settings of this kind of network, for example {"feature_size": 48}.
        in_channels: Channels of a volume.
        projector_width: Channels of the projection; null takes the recipe's.
        init: Weights to start from: a checkpoint, a .safetensors file, a model folder, or the name
            of an installed model.
    """

    name: str = "swin_unetr"
    args: dict[str, Any] = field(default_factory=lambda: {"feature_size": 48})
    in_channels: int = 1
    projector_width: int | None = None
    init: Path | None = None

    def __post_init__(self) -> None:
        width = self.projector_width
        check("network", projector_width=(width, width is None or width >= 1, "1 or more, or null"))


@dataclass(frozen=True)
class Crops:
    """What is cut from a volume.

    Attributes:
        counts: Bases along x, y and z.
        size: Sides of a crop, base or random, in voxels along x, y and z.
        random: Random crops a volume.
        augmentation: How each crop is changed.
    """

    counts: tuple[int, int, int] = (4, 4, 1)
    size: tuple[int, int, int] = (64, 64, 64)
    random: int = 2
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        check("crops", random=(self.random, self.random >= 1, "1 or more"))


@dataclass(frozen=True)
class Optimisation:
    """How the weights are fitted.

    Attributes:
        steps: Optimiser steps of the whole run.
        batch: Volumes a process encodes at a time; the normalisation is over those of all
            processes together.
        accumulate: Batches whose gradients are averaged to one step.
        learning_rate: Of AdamW, at its highest.
        warmup: Steps in which the learning rate rises to it; then it falls as a half cosine.
        weight_decay: Of AdamW.
        amsgrad: Use AdamW's AMSGrad variant, as the authors' code does.
        clip: Longest norm of the gradient; null leaves it as it is.
        prediction_weight: Weight of the prediction loss.
        regularisation_weight: Weight of the regularisation loss, λ of Equation 7.
        inter_volume_weight: Weight of the inter-volume term of a recipe that has one.
    """

    steps: int = 100_000
    batch: int = 2
    accumulate: int = 1
    learning_rate: float = 1e-4
    warmup: int = 5_000
    weight_decay: float = 1e-5
    amsgrad: bool = False
    clip: float | None = 1.0
    prediction_weight: float = 1.0
    regularisation_weight: float = 1.0
    inter_volume_weight: float = 1.0

    def __post_init__(self) -> None:
        check(
            "optimisation",
            steps=(self.steps, self.steps >= 1, "1 or more"),
            batch=(self.batch, self.batch >= 1, "1 or more"),
            accumulate=(self.accumulate, self.accumulate >= 1, "1 or more"),
            learning_rate=(self.learning_rate, self.learning_rate > 0, "above 0"),
            warmup=(self.warmup, 0 <= self.warmup < self.steps, "from 0 to below the steps"),
            weight_decay=(self.weight_decay, self.weight_decay >= 0, "0 or more"),
            clip=(self.clip, self.clip is None or self.clip > 0, "above 0, or null"),
        )


@dataclass(frozen=True)
class Teacher:
    """The moving average of the student, in recipes that have one.

    Attributes:
        momentum: Share of itself that it keeps a step.
        start: What it begins as: the student, or random weights, as in the authors' code.
    """

    momentum: float = 0.9
    start: Literal["student", "random"] = "student"

    def __post_init__(self) -> None:
        check("teacher", momentum=(self.momentum, 0 <= self.momentum < 1, "from 0 to below 1"))


@dataclass(frozen=True)
class Monitoring:
    """What is measured and kept on the way.

    Attributes:
        log_every: Steps between rows of the training record.
        probe_every: Steps between measurements on validation crops.
        probe_volumes: Volumes measured on.
        probe_crops: Random crops of each.
        save_every: Steps between checkpoints.
    """

    log_every: int = 10
    probe_every: int = 500
    probe_volumes: int = 8
    probe_crops: int = 32
    save_every: int = 500

    def __post_init__(self) -> None:
        good = {key: (value, value >= 1, "1 or more") for key, value in vars(self).items()}
        check("monitoring", **good)


@dataclass(frozen=True)
class PretrainConfig:
    """A pre-training run.

    Attributes:
        recipe: What is minimised: paper, cvpr-code or tpami.
        network: The network that is trained.
        crops: What is cut from a volume.
        optimisation: How the weights are fitted.
        teacher: The moving average of the student, in recipes that have one.
        compute: Where and how it is computed.
        monitoring: What is measured and kept on the way.
        seed: Of all that is random: the same seed gives the same run.
        body_region: The region of the body that the volumes show, as in "head and neck"; the model
            states it, and `voco info --check` tells it of volumes that look alike.
    """

    recipe: str = "paper"
    network: Network = field(default_factory=Network)
    crops: Crops = field(default_factory=Crops)
    optimisation: Optimisation = field(default_factory=Optimisation)
    teacher: Teacher = field(default_factory=Teacher)
    compute: Compute = field(default_factory=Compute)
    monitoring: Monitoring = field(default_factory=Monitoring)
    seed: int = 0
    body_region: str | None = None

    def __post_init__(self) -> None:
        check(None, seed=(self.seed, self.seed >= 0, "0 or more"))

    def to_plain(self) -> dict[str, Any]:
        """The options as YAML can hold them."""
        return {key: plain(value) for key, value in asdict(self).items()}
