"""The key sets and sizes of the released SwinUNETR files.

The counts of tensors (145, 167) are those of the state dict: 137 and 159 parameters, and in both
the eight buffers `relative_position_index`, which hold no learnt values. The counts of parameters
are without these buffers.
"""

import pytest
import torch
from monai.networks.nets import SwinUNETR as MonaiSwinUNETR
from torch.overrides import TorchFunctionMode

from voco3d.networks import SWIN_SIZES, NetworkConfig, build_network
from voco3d.weights import Checkpoint, infer_network


class WithoutMemory(TorchFunctionMode):
    """New parameters get a shape but no values."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func in (torch.empty, torch.zeros, torch.ones):
            kwargs["device"] = "meta"
        return func(*args, **kwargs)


def plain_monai(feature_size):
    with WithoutMemory():
        return MonaiSwinUNETR(1, 21, feature_size=feature_size, use_v2=True)


def ours(size):
    with WithoutMemory():
        return build_network(NetworkConfig("swin_unetr", 1, 21, {"feature_size": size}))


@pytest.mark.parametrize(
    ("size", "encoder_millions", "millions"),
    [("B", 53.2, 72.8), ("L", 212.0, 290.4), ("H", 847.3, 1160.8)],
)
def test_counts(size, encoder_millions, millions):
    network = ours(size)
    sizes = {key: value.numel() for key, value in network.named_parameters()}
    encoder = [key for key in sizes if network.is_encoder_key(key)]

    assert (len(network.state_dict()), len(network.encoder_keys())) == (167, 145)
    assert (len(sizes), len(encoder)) == (159, 137)
    assert round(sum(sizes.values()) / 1e6, 1) == millions
    assert round(sum(sizes[key] for key in encoder) / 1e6, 1) == encoder_millions
    assert network.feature_width == 24 * SWIN_SIZES[size]


@pytest.mark.parametrize(("size", "feature_size"), [("B", 48), ("L", 96), ("H", 192)])
def test_keys_and_shapes_are_those_of_the_plain_monai_network(size, feature_size):
    plain = plain_monai(feature_size).state_dict()
    shapes = {key: value.shape for key, value in ours(size).state_dict().items()}
    assert shapes == {key: value.shape for key, value in plain.items()}


def test_the_encoder_is_the_swin_transformer_and_the_five_encoder_blocks():
    roots = {key.split(".")[0] for key in ours("B").encoder_keys()}
    assert roots == {"swinViT", "encoder1", "encoder2", "encoder3", "encoder4", "encoder10"}


@pytest.mark.parametrize("feature_size", [48, 96, 192])
def test_the_size_and_the_class_count_are_inferred(feature_size):
    config = infer_network(Checkpoint(plain_monai(feature_size).state_dict()))
    assert config == NetworkConfig("swin_unetr", 1, 21, {"feature_size": feature_size})
