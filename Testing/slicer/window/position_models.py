"""A small model that predicts positions and tells how one phantom lies, without a training."""

from pathlib import Path

import torch

from Testing.training.models.position_model import position_model
from voco3d.models import write_model
from voco3d.phantom import Phantom
from voco3d.positions import Positioner

TURNS: tuple[tuple[int, ...], ...] = ((), (2,), (3,), (4,), (3, 4))
"""Axes along which the crops are flipped that the projector gets its statistics from."""
ROUNDS = 60


def knowing_model(folder: Path, phantom: Phantom) -> None:
    """A model folder, grid 2 x 2 x 1, whose reference bases are the phantom's own.

    The network is random; its projector gets the statistics of the phantom's crops and the mean
    of its output taken off, so that crops are told apart.
    """
    model, network, bases = position_model(folder)
    encoder = Positioner(folder, "cpu").encoder
    prepared = Positioner(folder, "cpu").prepare(phantom.image, encoder.grid)
    array = torch.as_tensor(prepared.array).float()
    side = encoder.grid.crop[0]
    crops = torch.stack(
        [
            array[:, x : x + side, y : y + side, z : z + side]
            for x, y, z in encoder.grid.starts().tolist()
        ]
    )
    turned = torch.cat([torch.flip(crops, turn) for turn in TURNS])
    network.train()
    with torch.no_grad():
        for _ in range(ROUNDS):
            network(turned)
        network.eval()
        last = network.projector.linear3
        outputs: list[torch.Tensor] = []
        hook = last.register_forward_hook(lambda _layer, _input, output: outputs.append(output))
        network(turned)
        hook.remove()
        last.bias -= outputs[0].mean(dim=0)
    write_model(folder, model, network, overwrite=True, reference_bases=bases)
    encoder = Positioner(folder, "cpu").encoder
    own = encoder(prepared.array, encoder.grid.starts(), encoder.grid.crop)
    write_model(folder, model, network, overwrite=True, reference_bases=own)
