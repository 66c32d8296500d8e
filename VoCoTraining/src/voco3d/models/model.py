"""A model: a network with its weights, its preprocessing and what its labels mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voco3d.data import Preprocessing
from voco3d.errors import VoCoError
from voco3d.models.structures import Structure
from voco3d.networks import Backbone, NetworkConfig, build_network
from voco3d.weights import LoadReport, load_weights, read_tensors


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
    """A model that can segment, or an encoder that can be trained further.

    Attributes:
        name: Short name without spaces.
        network: The network; its classes are background and then ``structures``.
        preprocessing: What is done to an image first.
        window: Sides of the sliding window in voxels, x, y, z.
        overlap: Share by which neighbouring windows overlap, from 0 up to below 1.
        structures: What the labels 1, 2, ... mean; empty where there is only an encoder.
        weights: File with the weights.
        card: What people should know.
        largest_component: Keep only the largest connected part of each structure: for organs
            that are in one piece, what lies apart is a mistake.
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

    def __post_init__(self) -> None:
        if self.structures and len(self.structures) != self.network.out_channels - 1:
            raise VoCoError(
                f"The model {self.name} names {len(self.structures)} classes, but its network "
                f"gives {self.network.out_channels - 1} besides background."
            )
        if not 0 <= self.overlap < 1:
            raise VoCoError(
                f"The window overlap must be from 0 to below 1, but it is {self.overlap}."
            )

    @property
    def segments(self) -> bool:
        """Whether the model has a segmentation head."""
        return bool(self.structures)

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
        network = build_network(self.network)
        unit = network.divisor
        if any(side % unit for side in self.window) or max(self.window) < 2 * unit:
            raise VoCoError(
                f"The model {self.name} has a window of {self.window} voxels, but its network "
                f"needs multiples of {unit}, and more than {unit} on one side."
            )
        report = load_weights(
            network,
            read_tensors(self.weights),
            allow_partial=allow_partial,
            inflate_channels=inflate_channels,
        )
        if self.segments and not (report.complete or allow_partial):
            lost = [*report.missing, *(mismatch.key for mismatch in report.mismatched)]
            raise VoCoError(
                f"The weights {self.weights} lack {len(lost)} tensors of the network, for example "
                f"{lost[0]}: they do not belong to the model {self.name}."
            )
        return network.eval(), report
