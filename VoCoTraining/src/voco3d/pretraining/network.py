"""The network of a run."""

from voco3d.errors import VoCoError
from voco3d.losses import find_recipe
from voco3d.networks import NetworkConfig, PositionNetwork, Projector, build_network
from voco3d.pretraining.config import PretrainConfig


def build_position_network(config: PretrainConfig) -> PositionNetwork:
    """Build the network with random weights; all but its encoder and projector is frozen.

    Raises:
        VoCoError: If the recipe, the network or a setting of it is unknown, or the crops do not
            fit the network.
    """
    options = config.network
    backbone = build_network(NetworkConfig(options.name, options.in_channels, 1, options.args))
    size, divisor = config.crops.size, backbone.divisor
    if any(side % divisor for side in size) or max(size) < 2 * divisor:
        raise VoCoError(
            f"Crops of {' x '.join(map(str, size))} voxels do not fit the network {options.name}: "
            f"make the sides of crops.size multiples of {divisor}, one of them {2 * divisor} or "
            "more."
        )
    own_size = backbone.monai_arguments.get("img_size")
    if own_size is not None and tuple(own_size) != tuple(size):
        raise VoCoError(
            f"The network {options.name} takes crops of its network.args.img_size only, which is "
            f"{list(own_size)}, but crops.size is {list(size)}: make them equal."
        )
    for key, parameter in backbone.named_parameters():
        parameter.requires_grad_(parameter.requires_grad and backbone.is_encoder_key(key))
    width = options.projector_width or find_recipe(config.recipe).width
    return PositionNetwork(backbone, Projector(backbone.feature_width, width))
