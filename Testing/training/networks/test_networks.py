import pytest
import torch
from monai.networks import nets

from voco3d.errors import VoCoError
from voco3d.networks import NETWORKS, Backbone, NetworkConfig, build_network

UNETR_ARGS = {
    "img_size": [32, 16, 16],
    "feature_size": 4,
    "hidden_size": 24,
    "mlp_dim": 48,
    "num_heads": 2,
}
SMALL = {
    "swin_unetr": (NetworkConfig("swin_unetr", 2, 3, {"feature_size": 12}), (64, 32, 32)),
    "unetr": (NetworkConfig("unetr", 2, 3, UNETR_ARGS), (32, 16, 16)),
    "unet": (NetworkConfig("unet", 2, 3, {"filters": [4, 6, 8, 10]}), (16, 8, 24)),
}
STAGES = {
    "swin_unetr": ["encoder1", "encoder2", "encoder3", "encoder4", "encoder10"],
    "unetr": ["encoder1", "encoder2", "encoder3", "encoder4"],
    "unet": ["input_block", "downsamples.0", "downsamples.1", "bottleneck"],
}


@pytest.fixture(scope="module", params=list(SMALL))
def small(request):
    """A network and an image of two channels that it takes."""
    config, size = SMALL[request.param]
    torch.manual_seed(0)
    return build_network(config).eval(), torch.randn(1, config.in_channels, *size)


def test_every_registered_network_is_tested_here():
    assert SMALL.keys() == NETWORKS.keys()


@torch.no_grad()
def test_logits_have_one_channel_a_class_and_the_size_of_the_image(small):
    network, image = small
    assert isinstance(network, Backbone)
    assert network(image).shape == (1, 3, *image.shape[2:])


@torch.no_grad()
def test_features_are_the_means_of_the_encoder_blocks_that_the_forward_pass_computes(small):
    network, image = small
    means = {}

    def record(name):
        def hook(module, inputs, output):
            means[name] = output.flatten(2).mean(dim=2)

        return hook

    blocks = STAGES[network.config.name]
    hooks = [network.get_submodule(name).register_forward_hook(record(name)) for name in blocks]
    if network.config.name == "unetr":
        hooks.append(
            network.vit.register_forward_hook(
                lambda module, inputs, output: means.update(vit=output[0].mean(dim=1))
            )
        )
    network(image)
    for hook in hooks:
        hook.remove()
    expected = torch.cat([means[name] for name in [*blocks, *means.keys() - set(blocks)]], dim=1)

    features = network.features(image)
    assert features.shape == (1, network.feature_width)
    torch.testing.assert_close(features, expected)


@torch.no_grad()
@pytest.mark.parametrize("name", SMALL)
def test_is_the_plain_monai_network_with_the_same_keys(name):
    config, size = SMALL[name]
    channels = (config.in_channels, config.out_channels)
    if name == "swin_unetr":
        plain = nets.SwinUNETR(*channels, feature_size=12, use_v2=True)
    elif name == "unetr":
        plain = nets.UNETR(*channels, **UNETR_ARGS)
    else:
        plain = nets.DynUNet(3, *channels, [3] * 4, [1, 2, 2, 2], [2] * 3, filters=[4, 6, 8, 10])
    network = build_network(config).eval()
    network.load_state_dict(plain.state_dict(), strict=True)
    image = torch.randn(1, 2, *size)
    torch.testing.assert_close(network(image), plain.eval()(image), rtol=1e-3, atol=1e-4)


def test_features_keep_the_batch_apart():
    network = build_network(SMALL["unet"][0])
    images = torch.randn(3, 2, 16, 16, 16)
    one_by_one = torch.cat([network.features(image[None]) for image in images])
    torch.testing.assert_close(network.features(images), one_by_one)


@pytest.mark.parametrize(
    ("config", "width", "divisor"),
    [
        (NetworkConfig("swin_unetr", 1, 21, {"feature_size": "B"}), 1152, 32),
        (NetworkConfig("swin_unetr", 1, 2, {"feature_size": 24}), 576, 32),
        (NetworkConfig("unetr", 1, 2, UNETR_ARGS), 15 * 4 + 24, 16),
        (NetworkConfig("unet", 1, 6, {"filters": [16, 32, 64, 128, 128]}), 368, 16),
        (NetworkConfig("unet", 1, 6, {"filters": [4, 8, 8]}), 20, 4),
    ],
)
def test_width_and_divisor(config, width, divisor):
    network = build_network(config)
    assert (network.feature_width, network.divisor) == (width, divisor)


@torch.no_grad()
def test_the_divisor_is_the_smallest_side_that_unet_takes():
    network = build_network(SMALL["unet"][0])
    size = (network.divisor, network.divisor, 2 * network.divisor)
    assert network(torch.randn(1, 2, *size)).shape[2:] == size
    with pytest.raises(RuntimeError):
        network(torch.randn(1, 2, network.divisor // 2, *size[1:]))


def test_the_features_depend_on_all_of_the_encoder_and_on_nothing_else(small):
    network, image = small
    network.zero_grad()
    network.features(image).square().sum().backward()
    parameters = dict(network.named_parameters())
    reached = {key for key, value in parameters.items() if value.grad is not None}
    # MONAI's transformer blocks have parameters that only cross-attention would use
    used = {key for key in parameters if "cross_attn" not in key}
    assert reached == {key for key in used if network.is_encoder_key(key)}


@pytest.mark.parametrize(("args", "size"), [({}, 48), ({"feature_size": "B"}, 48)])
def test_feature_size_by_name(args, size):
    assert build_network(NetworkConfig("swin_unetr", 1, 2, args)).swinViT.embed_dim == size


@torch.no_grad()
@pytest.mark.parametrize("call", ["forward", "features"])
def test_unetr_says_which_window_it_takes(call):
    network = build_network(SMALL["unetr"][0])
    with pytest.raises(VoCoError, match=r"32 x 16 x 16.*given 16 x 16 x 32"):
        getattr(network, call)(torch.zeros(1, 2, 16, 16, 32))


@pytest.mark.parametrize(
    ("name", "args", "says"),
    [
        ("segresnet", {}, "swin_unetr, unetr, unet"),
        ("unet", {"filter": [4, 8, 8]}, "no setting filter; it has filters"),
        ("unet", {"filters": [4, 8]}, "three or more"),
        ("unet", {"filters": [4, 8, 0]}, "three or more"),
        ("unet", {"filters": [4, 8, "8", 8]}, "three or more"),
        ("unet", {"filters": 32}, "three or more"),
        ("swin_unetr", {"feature_size": 40}, "multiple of 12"),
        ("swin_unetr", {"feature_size": "XL"}, "B, L, H"),
        ("swin_unetr", {"feature_size": True}, "multiple of 12"),
        ("swin_unetr", {"img_size": [96, 96, 96]}, "no setting img_size"),
        ("unetr", {"img_size": [96, 96]}, "img_size"),
        ("unetr", {"img_size": [96, 96, 90]}, "multiples of 16"),
        ("unetr", {"num_heads": 0}, "num_heads"),
        ("unetr", {"num_heads": 7}, "multiple of num_heads"),
    ],
)
def test_a_bad_description_is_refused(name, args, says):
    with pytest.raises(VoCoError, match=says):
        build_network(NetworkConfig(name, 1, 2, args))
