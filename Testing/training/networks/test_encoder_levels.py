import pytest
import torch
from torch import nn

from Testing.training.networks.test_networks import SMALL
from voco3d.networks import NETWORKS, build_network

LEVELS = {
    "unet": {
        0: ["input_block"],
        1: ["downsamples.0"],
        2: ["downsamples.1"],
        3: ["bottleneck"],
    },
    "unetr": {
        0: ["vit.patch_embedding", "encoder1"],
        **{block + 1: [f"vit.blocks.{block}"] for block in (0, 1, 2, 4, 5, 7, 8, 10)},
        4: ["vit.blocks.3", "encoder2"],
        7: ["vit.blocks.6", "encoder3"],
        10: ["vit.blocks.9", "encoder4"],
        12: ["vit.blocks.11", "vit.norm"],
    },
    "swin_unetr": {
        0: ["swinViT.patch_embed", "encoder1", "encoder2"],
        1: ["swinViT.layers1c", "swinViT.layers1", "encoder3"],
        2: ["swinViT.layers2c", "swinViT.layers2", "encoder4"],
        3: ["swinViT.layers3c", "swinViT.layers3"],
        4: ["swinViT.layers4c", "swinViT.layers4", "encoder10"],
    },
}


@pytest.fixture(scope="module", params=list(NETWORKS))
def network(request):
    return build_network(SMALL[request.param][0])


def test_each_block_of_the_encoder_has_its_level_and_nothing_else_has_one(network):
    expected = {
        key: level
        for level, blocks in LEVELS[network.config.name].items()
        for block in blocks
        for key in network.state_dict()
        if key.startswith(f"{block}.")
    }
    actual = {key: network.encoder_level(key) for key in network.state_dict()}
    assert actual == dict.fromkeys(network.state_dict(), None) | expected
    assert {key for key, level in actual.items() if level is not None} == set(
        network.encoder_keys()
    )


def test_the_levels_are_counted_from_the_image_without_a_gap(network):
    found = {network.encoder_level(key) for key, _ in network.named_parameters()} - {None}
    assert found == set(range(network.encoder_levels))
    assert {network.encoder_level(key) for key in network.input_keys} == {0}


def test_no_level_is_read_by_an_earlier_one(network):
    """A change of a level's parameters must leave what all earlier levels give as it was."""
    config, size = SMALL[network.config.name]
    image = torch.randn(1, config.in_channels, *size)
    outputs = {}

    def record(name):
        def hook(module, inputs, output):
            outputs[name] = output.clone()

        return hook

    blocks = [prefix.removesuffix(".") for prefix in network.encoder_blocks]
    modules = {name: network.get_submodule(name) for name in blocks}
    hooks = [
        (module[0] if isinstance(module, nn.ModuleList) else module).register_forward_hook(
            record(name)
        )
        for name, module in modules.items()
    ]
    with torch.no_grad():
        network.eval().encoder_stages(image)
        before = dict(outputs)
        parameters = dict(network.named_parameters())
        for level in reversed(range(network.encoder_levels)):
            for key, parameter in parameters.items():
                if network.encoder_level(key) == level:
                    parameter.add_(torch.randn_like(parameter))
            network.encoder_stages(image)
            for name in blocks:
                same = torch.equal(outputs[name], before[name])
                assert same == (network.encoder_level(f"{name}.") < level), (name, level)
    for hook in hooks:
        hook.remove()


def test_a_larger_network_has_its_encoder_keys_in_the_same_places(network):
    """Keys that this network lacks must not pass for a decoder's: weights would be lost unsaid."""
    for key in {"unet": ["downsamples.7.conv1.conv.weight"], "unetr": ["vit.cls_token"]}.get(
        network.config.name, ["swinViT.layers5.0.blocks.0.norm1.weight"]
    ):
        assert network.is_encoder_key(key)
        assert network.encoder_level(key) is None
    assert not network.is_encoder_key("decoder1.conv.weight")
