import subprocess
import sys

import pytest
import torch

from voco3d.networks import NetworkConfig, PositionNetwork, Projector, build_network

PEAK = """
import re, resource, sys, torch
from voco3d.networks import NetworkConfig, PositionNetwork, Projector, build_network
backbone = build_network(NetworkConfig("unet", 1, 1, {"filters": [8, 8, 8]}))
network = PositionNetwork(backbone, Projector(24, 8))
crops = torch.rand(24, 1, 48, 48, 48)
def peak():
    try:  # what getrusage says a process on Linux inherits from the one that started it
        return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
network.features(crops[:1], 1).sum().backward()
before = peak()
network.features(crops, int(sys.argv[1]) or None).sum().backward()
print(peak() - before)
"""


@pytest.mark.parametrize(
    ("config", "size"),
    [
        (NetworkConfig("unet", 1, 1, {"filters": [4, 8, 12]}), (16, 16, 16)),
        (NetworkConfig("swin_unetr", 1, 1, {"feature_size": 12}), (64, 32, 32)),
    ],
    ids=["unet", "swin_unetr"],
)
@pytest.mark.parametrize("at_once", [1, 2])
def test_parts_give_the_same_features_and_gradients(config, size, at_once):
    torch.manual_seed(0)
    backbone = build_network(config).double()
    network = PositionNetwork(backbone, Projector(backbone.feature_width, 8))
    crops = torch.rand(3, 1, *size, dtype=torch.float64)
    found = []
    for part in (None, at_once):
        network.zero_grad()
        features = network.features(crops, part)
        features.square().sum().backward()
        gradients = [p.grad.clone() for p in network.parameters() if p.grad is not None]
        found.append([features.detach(), *gradients])
    for expected, own in zip(*found, strict=True):
        torch.testing.assert_close(own, expected, rtol=1e-9, atol=1e-9)
    with torch.no_grad():
        torch.testing.assert_close(network.features(crops, at_once), found[0][0])


def test_crops_one_at_a_time_need_much_less_memory():
    def growth(at_once):
        command = [sys.executable, "-c", PEAK, str(at_once)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert growth(1) < 0.4 * growth(0)
