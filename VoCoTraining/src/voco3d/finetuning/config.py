"""All options of a fine-tuning run."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from voco3d.data import Preprocessing
from voco3d.errors import VoCoError
from voco3d.training.options import Compute, check, plain


@dataclass(frozen=True)
class Network:
    """The network that is trained.

    Attributes:
        name: Kind of network: swin_unetr, unetr or unet; null takes that of the initial weights.
        args: Settings of this kind of network, for example {"feature_size": 48}.
    """

    name: str | None = None
    args: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name is None and self.args:
            raise VoCoError("The option network.args needs network.name: say which network it is.")


@dataclass(frozen=True)
class Crops:
    """What is cut from a case. Classification takes the whole volume instead.

    Attributes:
        size: Sides of a crop in voxels along x, y and z; the model's window too.
        per_case: Crops of each case of a batch.
        foreground: Share of crops that hold a voxel of a structure, each structure as often; the
            others lie anywhere.
    """

    size: tuple[int, int, int] = (96, 96, 96)
    per_case: int = 4
    foreground: float = 0.9

    def __post_init__(self) -> None:
        check(
            "crops",
            size=(self.size, min(self.size) >= 1, "three whole numbers from 1 up"),
            per_case=(self.per_case, self.per_case >= 1, "1 or more"),
            foreground=(self.foreground, 0 <= self.foreground <= 1, "from 0 to 1"),
        )


@dataclass(frozen=True)
class Classification:
    """What is drawn in a classification.

    Attributes:
        balanced: Each category as often, however many cases it has; by default each case.
    """

    balanced: bool = False


@dataclass(frozen=True)
class Augmentation:
    """How each crop is changed. Geometry is one interpolation, from the image as scanned.

    Attributes:
        flip: Probability of a flip along x, y and z. One flip, or three, make a mirror image:
            there the labels of paired structures change places. Two are a half turn.
        pairs: Names of the structures, two by two, that change places in a mirror image; null
            takes those whose names differ in left and right only. A mirrored heart keeps its
            left ventricle: there [] is right.
        quarter_turns: Probability of one, two or three quarter turns in the x-y plane.
        rotation: Standard deviation in degrees of the rotation about each axis.
        scale: The size is changed by up to this share.
        elastic: Standard deviation in mm of a smooth displacement.
        intensity_scale: Contrast is changed by up to this share.
        intensity_shift: Intensity, 0..1, is shifted by up to this.
        intensity_probability: Probability of either.
        noise: Largest standard deviation of Gaussian noise.
        noise_probability: Probability of noise.
    """

    flip: tuple[float, float, float] = (0.2, 0.2, 0.2)
    pairs: list[tuple[str, str]] | None = None
    quarter_turns: float = 0.2
    rotation: float = 0.0
    scale: float = 0.0
    elastic: float = 0.0
    intensity_scale: float = 0.1
    intensity_shift: float = 0.1
    intensity_probability: float = 0.5
    noise: float = 0.0
    noise_probability: float = 0.0

    def __post_init__(self) -> None:
        shares = ("quarter_turns", "intensity_probability", "noise_probability")
        amounts = ("rotation", "scale", "elastic", "intensity_scale", "intensity_shift", "noise")
        check(
            "augmentation",
            flip=(self.flip, all(0 <= p <= 1 for p in self.flip), "probabilities from 0 to 1"),
            **{n: (getattr(self, n), 0 <= getattr(self, n) <= 1, "from 0 to 1") for n in shares},
            **{n: (getattr(self, n), getattr(self, n) >= 0, "0 or more") for n in amounts},
        )
        check("augmentation", scale=(self.scale, self.scale < 1, "below 1"))


@dataclass(frozen=True)
class Optimisation:
    """How the weights are fitted.

    Attributes:
        steps: Optimiser steps of the whole run.
        batch: Cases a process takes at a time.
        accumulate: Batches whose gradients are averaged to one step.
        learning_rate: Of AdamW, at its highest, for decoder and head.
        warmup: Steps in which it rises; then it falls as a half cosine.
        encoder_rate: Share of the learning rate for the deepest level of the encoder.
        layer_decay: Each level of the encoder above takes this share of the one below.
        frozen_steps: The encoder stays as it is for so many steps; null for the whole run.
        average: The model is a moving average of the weights, which keeps this share of itself a
            step (less in the first steps); 0 takes the weights as they are.
        weight_decay: Of AdamW.
        clip: Longest norm of the gradient; null leaves it as it is.
    """

    steps: int = 10_000
    batch: int = 1
    accumulate: int = 1
    learning_rate: float = 3e-4
    warmup: int = 200
    encoder_rate: float = 1.0
    layer_decay: float = 1.0
    frozen_steps: int | None = 0
    average: float = 0.0
    weight_decay: float = 1e-5
    clip: float | None = 12.0

    def __post_init__(self) -> None:
        frozen = self.frozen_steps
        check(
            "optimisation",
            steps=(self.steps, self.steps >= 1, "1 or more"),
            batch=(self.batch, self.batch >= 1, "1 or more"),
            accumulate=(self.accumulate, self.accumulate >= 1, "1 or more"),
            learning_rate=(self.learning_rate, self.learning_rate > 0, "above 0"),
            warmup=(self.warmup, 0 <= self.warmup < self.steps, "from 0 to below the steps"),
            encoder_rate=(self.encoder_rate, self.encoder_rate > 0, "above 0"),
            layer_decay=(self.layer_decay, 0 < self.layer_decay <= 1, "above 0, at most 1"),
            frozen_steps=(frozen, frozen is None or frozen >= 0, "0 or more, or null"),
            average=(self.average, 0 <= self.average < 1, "from 0 to below 1"),
            weight_decay=(self.weight_decay, self.weight_decay >= 0, "0 or more"),
            clip=(self.clip, self.clip is None or self.clip > 0, "above 0, or null"),
        )


@dataclass(frozen=True)
class Validation:
    """How the run is watched, and which of its weights are kept.

    Attributes:
        every: Steps between validations, in native space; the best weights are kept. 0 validates
            never and keeps the last weights.
        overlap: Share by which the windows of a validation overlap.
        patience: Validations without a better one after which training ends; null for never.
        log_every: Steps between rows of the training record.
        save_every: Steps between checkpoints.
    """

    every: int = 500
    overlap: float = 0.5
    patience: int | None = None
    log_every: int = 10
    save_every: int = 200

    def __post_init__(self) -> None:
        check(
            "validation",
            every=(self.every, self.every >= 0, "0 or more"),
            overlap=(self.overlap, 0 <= self.overlap < 1, "from 0 to below 1"),
            patience=(
                self.patience,
                self.patience is None or self.patience >= 1,
                "1 or more, or null",
            ),
            log_every=(self.log_every, self.log_every >= 1, "1 or more"),
            save_every=(self.save_every, self.save_every >= 1, "1 or more"),
        )


@dataclass(frozen=True)
class Result:
    """The model that a run leaves.

    Attributes:
        overlap: Share by which its windows overlap.
        largest_component: It keeps the largest connected part of each structure.
        half: Its weights are stored in half precision.
    """

    overlap: float = 0.5
    largest_component: bool = False
    half: bool = False

    def __post_init__(self) -> None:
        check("result", overlap=(self.overlap, 0 <= self.overlap < 1, "from 0 to below 1"))


@dataclass(frozen=True)
class FinetuneConfig:
    """A fine-tuning run.

    Attributes:
        task: What is trained.
        init: Weights to start from: the name of an installed model, a model folder or a
            checkpoint file; null starts from random weights.
        network: The network that is trained.
        preprocessing: What is done to an image first.
        crops: What is cut from a case, for segmentation.
        classification: What is drawn, for classification.
        augmentation: How each crop is changed.
        optimisation: How the weights are fitted.
        validation: How the run is watched.
        result: The model that it leaves.
        compute: Where and how it is computed.
        store: Folder of the prepared cases, which several runs may share; by default in the run.
        seed: Of all that is random: the same seed gives the same run.
    """

    task: Literal["segmentation", "classification"] = "segmentation"
    init: str | None = None
    network: Network = field(default_factory=Network)
    preprocessing: Preprocessing = field(
        default_factory=lambda: Preprocessing((1.5, 1.5, 1.5), (-175.0, 250.0))
    )
    crops: Crops = field(default_factory=Crops)
    classification: Classification = field(default_factory=Classification)
    augmentation: Augmentation = field(default_factory=Augmentation)
    optimisation: Optimisation = field(default_factory=Optimisation)
    validation: Validation = field(default_factory=Validation)
    result: Result = field(default_factory=Result)
    compute: Compute = field(default_factory=Compute)
    store: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check(None, seed=(self.seed, self.seed >= 0, "0 or more"))
        if self.task == "segmentation" and self.preprocessing.size is not None:
            raise VoCoError(
                "The option preprocessing.size is for classification: crops need a "
                "preprocessing.spacing, or null for the images' own."
            )
        if self.task == "classification" and self.preprocessing.size is None:
            raise VoCoError(
                "A classification is of whole volumes: set preprocessing.size, with "
                "preprocessing.spacing null and crop_foreground false."
            )

    @property
    def window(self) -> tuple[int, int, int]:
        """Sides of what the network takes, in voxels: of a crop, or of a whole volume."""
        return self.preprocessing.size or self.crops.size

    def to_plain(self) -> dict[str, Any]:
        """The options as YAML can hold them."""
        return {key: plain(value) for key, value in asdict(self).items()}
