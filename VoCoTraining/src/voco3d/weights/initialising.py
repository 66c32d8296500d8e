"""Starting pre-training from weights that are there."""

from pathlib import Path

from voco3d.networks import PositionNetwork
from voco3d.weights.checkpoint import read_tensors
from voco3d.weights.loading import load_weights
from voco3d.weights.report import LoadReport
from voco3d.weights.saving import WEIGHTS


def initialise(network: PositionNetwork, source: str | Path) -> LoadReport:
    """Load what a file has of a network: the encoder, and a decoder and projector that fit.

    The file may be a release of the authors, a checkpoint of their pre-training or of this
    package's, or any file of a MONAI network that the package offers. A first layer of one
    channel is spread over the network's channels. On an error the network is left as it was.

    Args:
        network: Changed in place.
        source: Checkpoint file, or model folder.

    Returns:
        The fate of every key; its ``projector`` says whether the projector starts random.

    Raises:
        VoCoError: If the file cannot be read or does not give all of the encoder.
    """
    source = Path(source)
    return load_weights(
        network.backbone,
        read_tensors(source / WEIGHTS if source.is_dir() else source),
        inflate_channels=True,
        projector=network.projector,
    )
