"""Learning rates: one for the decoder, lower ones the nearer the encoder's layers are to the image.

A pre-trained encoder has learnt already what a random decoder has yet to learn.
"""

from collections.abc import Iterator
from typing import Any, Protocol

from torch import nn


class LevelledNetwork(Protocol):
    """A network that knows how deep in its encoder a parameter lies; see ``Backbone``."""

    @property
    def encoder_levels(self) -> int:
        """How many levels the encoder has."""
        ...

    def encoder_level(self, key: str) -> int | None:
        """The level of a parameter, 0 nearest the image; None outside the encoder."""
        ...

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """The parameters, each once."""
        ...


def parameter_groups(
    network: LevelledNetwork, learning_rate: float, encoder_rate: float, layer_decay: float
) -> list[dict[str, Any]]:
    """Return the parameter groups of an optimiser, for all parameters that want a gradient.

    Level L of an encoder of N levels learns at
    ``learning_rate * encoder_rate * layer_decay ** (N - 1 - L)``, all else at ``learning_rate``.

    Source: layer-wise decay as in Clark et al., ELECTRA, ICLR 2020.

    Args:
        network: The network.
        learning_rate: Of the decoder and the head.
        encoder_rate: Share of it for the encoder's deepest level.
        layer_decay: Share that each level has of the next deeper one's rate.

    Returns:
        Groups with ``name``, ``params`` and ``lr``: the encoder's levels from the image on, then
        the decoder; those without a parameter are left out.
    """
    levels = network.encoder_levels
    groups: dict[int | None, list[nn.Parameter]] = {level: [] for level in (*range(levels), None)}
    for key, parameter in network.named_parameters():
        if parameter.requires_grad:
            groups[network.encoder_level(key)].append(parameter)
    return [
        {
            "name": "decoder" if level is None else f"encoder level {level}",
            "params": parameters,
            "lr": learning_rate
            if level is None
            else learning_rate * encoder_rate * layer_decay ** (levels - 1 - level),
        }
        for level, parameters in groups.items()
        if parameters
    ]
