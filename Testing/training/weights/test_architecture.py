"""Inferring the network from keys and shapes."""

import pytest
import torch
from monai.networks.nets import DynUNet

from voco3d.errors import VoCoError
from voco3d.networks import NetworkConfig, build_network
from voco3d.weights import Checkpoint, has_head, infer_network


def swin(size, channels=1, classes=21):
    return NetworkConfig("swin_unetr", channels, classes, {"feature_size": size})


@pytest.mark.parametrize(
    "config",
    [
        swin(12),
        swin(24, channels=4, classes=2),
        NetworkConfig("unet", 1, 6, {"filters": [16, 32, 64, 128, 128]}),
        NetworkConfig("unet", 3, 2, {"filters": [4, 8, 6]}),
    ],
)
def test_a_network_is_recognised_by_its_state_dict(config):
    checkpoint = Checkpoint(build_network(config).state_dict())
    assert infer_network(checkpoint) == config
    assert has_head(checkpoint)


@pytest.mark.parametrize("alias", ["input_block.", "skip_layers."])
def test_a_unet_is_recognised_without_the_second_set_of_keys(alias):
    config = NetworkConfig("unet", 1, 2, {"filters": [4, 8, 6]})
    tensors = build_network(config).state_dict()
    if alias == "skip_layers.":
        tensors = {key: value for key, value in tensors.items() if not key.startswith(alias)}
    assert infer_network(Checkpoint(tensors)) == config


@pytest.mark.parametrize("config", [swin(12), NetworkConfig("unet", 1, 2, {"filters": [4, 8, 6]})])
def test_an_encoder_alone_has_no_class_count(config):
    network = build_network(config)
    tensors = network.state_dict()
    encoder = Checkpoint({key: tensors[key] for key in network.encoder_keys()})
    with pytest.raises(VoCoError, match=r"only an encoder.*initial weights.*not for segmentation"):
        infer_network(encoder)
    assert infer_network(encoder, out_channels=config.out_channels) == config
    assert not has_head(encoder)


def test_version_1_of_swin_unetr_is_refused():
    tensors = build_network(swin(12)).state_dict()
    old = {
        key: value
        for key, value in tensors.items()
        if not any(f"layers{stage}c." in key for stage in (1, 2, 3, 4))
    }
    with pytest.raises(VoCoError, match=r"version 1.*use_v2=True"):
        infer_network(Checkpoint(old))


def test_nnunet_is_refused():
    tensors = {
        "encoder.stages.0.0.convs.0.conv.weight": torch.zeros(32, 1, 3, 3, 3),
        "decoder.seg_layers.0.weight": torch.zeros(21, 320, 1, 1, 1),
    }
    with pytest.raises(VoCoError, match=r"nnU-Net.*does not offer"):
        infer_network(Checkpoint(tensors))


def test_unetr_is_refused():
    args = {"img_size": [16, 16, 16], "feature_size": 2, "hidden_size": 4, "num_heads": 2}
    network = build_network(NetworkConfig("unetr", 1, 2, args))
    with pytest.raises(VoCoError, match=r"UNETR.*not stored"):
        infer_network(Checkpoint(network.state_dict()))


def test_a_residual_dynunet_is_refused():
    network = DynUNet(3, 1, 2, [3, 3, 3], [1, 2, 2], [2, 2], filters=[2, 4, 4], res_block=True)
    with pytest.raises(VoCoError, match=r"residual blocks.*res_block=False"):
        infer_network(Checkpoint(network.state_dict()))


def test_a_two_dimensional_network_is_refused():
    network = DynUNet(2, 1, 2, [3, 3, 3], [1, 2, 2], [2, 2], filters=[2, 4, 4])
    with pytest.raises(VoCoError, match="not of a 3-D network"):
        infer_network(Checkpoint(network.state_dict()))


def test_any_other_network_is_refused_with_its_first_keys():
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    with pytest.raises(VoCoError, match=r"no network that this version knows.*0\.weight"):
        infer_network(Checkpoint(network.state_dict()))
