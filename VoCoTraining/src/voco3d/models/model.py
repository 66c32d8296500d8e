"""A model: a network with its weights, its preprocessing and what its labels mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from voco3d.data import Preprocessing
from voco3d.errors import VoCoError
from voco3d.models.positions import Positions
from voco3d.models.regions import Regions
from voco3d.models.structures import Structure
from voco3d.networks import (
    Backbone,
    Classifier,
    NetworkConfig,
    PositionNetwork,
    Projector,
    build_network,
)
from voco3d.weights import LoadReport, load_weights, read_tensors
from voco3d.weights.report import PROJECTOR

REFERENCE_BASES = "reference_bases"
"""Key of the reference bases among the weights."""


@dataclass(frozen=True)
class Card:
    """What people should know before they trust a model.

    Attributes:
        task: One line: what it segments, in what.
        description: A few sentences: how it was made, where it fails.
        data: What it was trained on.
        licence: Licence of the weights.
        authors: Who made it.
        results: Measured figures, with what they were measured on.
        training: Seed, configuration and environment of the training run.
    """

    task: str
    description: str = ""
    data: str = "not stated"
    licence: str = "not stated"
    authors: str = "not stated"
    results: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """A model that can segment, classify, predict the position of crops, or be trained further.

    Attributes:
        name: Short name without spaces.
        network: The network; its outputs are background and then ``structures``, or the
            ``structures`` alone where they are regions.
        preprocessing: What is done to an image first.
        window: Sides of the sliding window in voxels, x, y, z.
        overlap: Share by which neighbouring windows overlap, from 0 up to below 1.
        structures: What the labels 1, 2, ... mean, or the regions; empty where the network does
            not segment.
        weights: File with the weights.
        card: What people should know.
        largest_component: Keep only the largest connected part of each structure: for organs
            that are in one piece, what lies apart is a mistake.
        positions: What the position of a crop is predicted by; None where the weights hold no
            projector and reference bases.
        regions: What the structures are in a label map, where they may overlap; None where each
            voxel belongs to one.
        categories: What a whole image is classified as; empty where the model does not classify.
        channels: Names of the image's channels; empty where they have none.
        body_region: The region of the body that it knows, as in "head and neck"; None where that
            is not stated.

    Raises:
        VoCoError: If the parts do not fit each other.
    """

    name: str
    network: NetworkConfig
    preprocessing: Preprocessing
    window: tuple[int, int, int]
    overlap: float
    structures: tuple[Structure, ...]
    weights: Path
    card: Card
    largest_component: bool = False
    positions: Positions | None = None
    regions: Regions | None = None
    categories: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    body_region: str | None = None

    def __post_init__(self) -> None:
        if self.regions is not None:
            self._check_regions(self.regions)
        elif self.structures and len(self.structures) != self.network.out_channels - 1:
            raise VoCoError(
                f"The model {self.name} names {len(self.structures)} classes, but its network "
                f"gives {self.network.out_channels - 1} besides background."
            )
        if self.categories:
            self._check_categories()
        if self.channels and len(self.channels) != self.network.in_channels:
            raise VoCoError(
                f"The model {self.name} names {len(self.channels)} channels, but its network "
                f"takes {self.network.in_channels}."
            )
        if not 0 <= self.overlap < 1:
            raise VoCoError(
                f"The window overlap must be from 0 to below 1, but it is {self.overlap}."
            )

    def _check_regions(self, regions: Regions) -> None:
        counts = len(self.structures), len(regions.members), self.network.out_channels
        if len(set(counts)) > 1:
            raise VoCoError(
                f"The model {self.name} names {counts[0]} regions, says of {counts[1]} what they "
                f"consist of, and its network gives {counts[2]}: these must be equal."
            )
        if self.largest_component:
            raise VoCoError(
                f"The model {self.name} has regions, which may lie in several parts: "
                "largest_component must be off."
            )

    def _check_categories(self) -> None:
        if self.structures:
            raise VoCoError(
                f"The model {self.name} has structures and categories: it can either segment or "
                "classify."
            )
        if len(self.categories) < 2 or len(set(self.categories)) < len(self.categories):
            raise VoCoError(
                f"The model {self.name} needs two categories or more, each named once, but has "
                f"{', '.join(self.categories)}."
            )

    @property
    def segments(self) -> bool:
        """Whether the model has a segmentation head."""
        return bool(self.structures)

    def check_channels(self, count: int) -> None:
        """Refuse another number of images than the model has channels.

        Raises:
            VoCoError: If they differ.
        """
        expected = self.network.in_channels
        if count == expected:
            return
        named = f" ({', '.join(self.channels)})" if self.channels else ""
        wants = "one image" if expected == 1 else f"{expected} images, one a channel{named}"
        were = "was" if count == 1 else "were"
        raise VoCoError(f"The model {self.name} takes {wants}, but {count} {were} given.")

    def load(
        self, *, allow_partial: bool = False, inflate_channels: bool = False
    ) -> tuple[Backbone, LoadReport]:
        """Build the network with the model's weights, in evaluation mode.

        Args:
            allow_partial: Accept weights that lack parts of the network: they stay random.
            inflate_channels: Spread a first layer of one channel over the network's channels.

        Raises:
            VoCoError: If the weights cannot be read, or a weight of the encoder (or, for a model
                that segments, any weight) is not in the file, or the window does not fit.
        """
        network = self._build("window", self.window)
        report = load_weights(
            network,
            read_tensors(self.weights),
            allow_partial=allow_partial,
            inflate_channels=inflate_channels,
        )
        if self.segments and not allow_partial:
            self._check_complete(report)
        return network.eval(), report

    def load_classifier(self) -> Classifier:
        """Build the network that classifies, with the model's weights, in evaluation mode.

        Raises:
            VoCoError: If the model does not classify, its weights cannot be read or lack a part,
                or its window does not fit its network.
        """
        if not self.categories:
            raise VoCoError(
                f"The model {self.name} does not classify: choose one that was fine-tuned with "
                "task: classification."
            )
        network = Classifier(self._build("window", self.window), len(self.categories))
        checkpoint = read_tensors(self.weights)
        self._check_complete(
            load_weights(network.backbone, checkpoint, classifier=network.classifier)
        )
        return network.eval()

    def _check_complete(self, report: LoadReport) -> None:
        if not report.complete:
            lost = [*report.missing, *(mismatch.key for mismatch in report.mismatched)]
            raise VoCoError(
                f"The weights {self.weights} lack {len(lost)} tensors of the network, for example "
                f"{lost[0]}: they do not belong to the model {self.name}."
            )

    def load_positions(self) -> tuple[PositionNetwork, Tensor]:
        """Build the network that embeds crops, with its weights, and read the reference bases.

        Returns:
            The network in evaluation mode, and ``(n, width)``: for each base of the grid the
            mean of its unit-length embedding over the training volumes.

        Raises:
            VoCoError: If the model predicts no positions, its crops do not fit its network, or
                its weights cannot be read or lack a part.
        """
        if self.positions is None:
            raise VoCoError(
                f"The model {self.name} predicts no positions: choose one that pre-training made."
            )
        backbone = self._build("crop", self.positions.grid.crop)
        network = PositionNetwork(backbone, Projector(backbone.feature_width, self.positions.width))
        checkpoint = read_tensors(self.weights)
        report = load_weights(backbone, checkpoint, projector=network.projector)
        bases = checkpoint.tensors.get(REFERENCE_BASES)
        shape = (self.positions.grid.n, self.positions.width)
        lost = {*report.missing, *(mismatch.key for mismatch in report.mismatched)}
        lost &= network.projector.state_dict(prefix=PROJECTOR).keys()
        if lost or bases is None or bases.shape != shape:
            raise VoCoError(
                f"The weights {self.weights} lack {min(lost, default=REFERENCE_BASES)} of the "
                f"shape that {self.name} needs: they do not belong to this model."
            )
        return network.eval(), bases.float()

    def _build(self, what: str, sides: tuple[int, int, int]) -> Backbone:
        """The network with random weights, which takes windows or crops of ``sides`` voxels."""
        network = build_network(self.network)
        unit = network.divisor
        if any(side % unit for side in sides) or max(sides) < 2 * unit:
            raise VoCoError(
                f"The model {self.name} has a {what} of {sides} voxels, but its network "
                f"needs multiples of {unit}, and more than {unit} on one side."
            )
        return network
