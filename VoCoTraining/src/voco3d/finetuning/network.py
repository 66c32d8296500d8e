"""The network of a run, with the weights that it starts from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from voco3d.errors import VoCoError
from voco3d.finetuning.config import FinetuneConfig
from voco3d.models import Model, find_model
from voco3d.models.catalogue import model_folders
from voco3d.models.folder import is_model_folder
from voco3d.networks import Backbone, Classifier, NetworkConfig, build_network
from voco3d.weights import LoadReport, load_weights, read_tensors


@dataclass(frozen=True)
class Start:
    """A network before its first step.

    Attributes:
        network: With the initial weights; a classifier for a classification.
        report: The fate of every weight; None for random weights.
        model: The model that the weights are from, where they are a model's.
    """

    network: Backbone | Classifier
    report: LoadReport | None
    model: Model | None

    @property
    def backbone(self) -> Backbone:
        """The network, or that of the classifier."""
        return self.network if isinstance(self.network, Backbone) else self.network.backbone


def build_start(
    config: FinetuneConfig, in_channels: int, out_channels: int, categories: Sequence[str] = ()
) -> Start:
    """Build the network of a run and load its initial weights.

    The encoder must be complete. Decoder and head are taken over as far as they fit: of a model
    with other classes, or other categories, the head starts random.

    Raises:
        VoCoError: If network and weights do not fit each other or the crops.
    """
    model = _initial_model(config.init)
    network = build_network(_network_config(config, model, in_channels, out_channels))
    _check_window(config, network)
    classifier = Classifier(network, len(categories)) if categories else None
    if config.init is None:
        return Start(classifier or network, None, None)
    source = Path(config.init) if model is None else model.weights
    same = model is not None and model.categories == tuple(categories)
    report = load_weights(
        network,
        read_tensors(source),
        inflate_channels=True,
        classifier=classifier.classifier if classifier is not None and same else None,
    )
    return Start(classifier or network, report, model)


def _initial_model(init: str | None) -> Model | None:
    """The model of this name or folder; None for a checkpoint file."""
    if init is None or (init not in model_folders() and not is_model_folder(Path(init))):
        if init is not None and not Path(init).is_file():
            raise VoCoError(
                f"There is no model or checkpoint {init}: `voco models list` shows the models."
            )
        return None
    return find_model(init)


def _network_config(
    config: FinetuneConfig, model: Model | None, in_channels: int, out_channels: int
) -> NetworkConfig:
    if config.network.name is not None:
        return NetworkConfig(config.network.name, in_channels, out_channels, config.network.args)
    if config.init is None:
        raise VoCoError("Say which network to train: network.name, or --init MODEL.")
    if model is None:
        raise VoCoError(
            f"{config.init} does not say which network it belongs to: say network.name and "
            "network.args."
        )
    return replace(model.network, in_channels=in_channels, out_channels=out_channels)


def _check_window(config: FinetuneConfig, network: Backbone) -> None:
    size, unit = config.window, network.divisor
    option = "crops.size" if config.preprocessing.size is None else "preprocessing.size"
    if any(side % unit for side in size) or max(size) < 2 * unit:
        raise VoCoError(
            f"{' x '.join(map(str, size))} voxels do not fit the network {network.config.name}: "
            f"make the sides of {option} multiples of {unit}, one of them {2 * unit} or more."
        )
