import pytest
import torch
import torch.nn.functional as F

from voco3d.networks import NetworkConfig, build_network
from voco3d.networks.small_maps import SMALL

# networks and crops whose lowest maps are 2^3
CASES = [
    (NetworkConfig("swin_unetr", 1, 1, {"feature_size": 12}), (64, 64, 64)),
    (NetworkConfig("unet", 1, 1, {"filters": [8, 16, 32, 64, 128]}), (32, 32, 32)),
]


def poison_the_heap():
    """Fill memory that is free with NaN, so that what reads it unwritten shows."""
    filled = [torch.full((side,), torch.nan) for side in (10**3, 10**5, 10**6, 4 * 10**6) * 4]
    filled.clear()


def gradients(network, image, weights, precision):
    network.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        features = network.features(image)
    poison_the_heap()
    (features.float() * weights).sum().backward()
    return {k: p.grad.clone() for k, p in network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize(("config", "size"), CASES, ids=["swin_unetr", "unet"])
def test_gradients_in_bfloat16_are_those_in_single_precision(config, size):
    torch.manual_seed(0)
    network = build_network(config)
    image = torch.rand(1, 1, *size)
    weights = torch.randn(1, network.feature_width)
    exact = gradients(network, image, weights, "fp32")
    found = gradients(network, image, weights, "bf16")
    largest = max(gradient.norm() for gradient in exact.values())
    for key, gradient in exact.items():
        assert torch.isfinite(found[key]).all(), key
        # biases before a normalisation have no gradient but rounding
        if key.endswith("weight") and gradient.norm() > 1e-3 * largest:
            alike = F.cosine_similarity(found[key].flatten(), gradient.flatten(), 0)
            assert alike > 0.7, key


@pytest.mark.parametrize(
    ("config", "name", "channels"),
    [(CASES[0][0], "encoder10", 192), (CASES[1][0], "bottleneck", 64)],
    ids=["swin_unetr", "unet"],
)
def test_the_lowest_block_has_the_gradients_of_single_precision(config, name, channels):
    """The whole network's differ by the rounding of all that lies above."""
    torch.manual_seed(0)
    block = getattr(build_network(config), name)
    image = torch.rand(2, channels, *((2,) * 3 if name == "encoder10" else (4,) * 3))
    found = []
    for precision in (torch.float32, torch.bfloat16):
        block.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            out = block(image)
        poison_the_heap()
        out.float().square().sum().backward()
        found.append([parameter.grad.clone() for parameter in block.parameters()])
    for exact, own in zip(*found, strict=True):
        torch.testing.assert_close(own, exact, rtol=0.05, atol=0.02 * exact.abs().max().item())


@pytest.mark.parametrize(("config", "size"), CASES, ids=["swin_unetr", "unet"])
def test_small_maps_are_computed_in_single_precision(config, size):
    network = build_network(config)
    small, large = {}, {}

    def record(key):
        def hook(module, inputs, output):
            kind = small if inputs[0].shape[2:].numel() <= SMALL else large
            kind[key] = output.dtype

        return hook

    for key, module in network.named_modules():
        if isinstance(module, torch.nn.Conv3d) and max(module.kernel_size) > 1:
            module.register_forward_hook(record(key))
    with torch.autocast("cpu", torch.bfloat16):
        network.features(torch.rand(1, 1, *size))
    assert len(small) >= 2
    assert set(small.values()) == {torch.float32}
    assert set(large.values()) == {torch.bfloat16}
