"""Export in the authors' naming: their loaders take it, and it comes back."""

import os

import pytest
import torch
from monai.networks.nets import SwinUNETR as MonaiSwinUNETR
from torch import nn

from voco3d.errors import VoCoError
from voco3d.networks import NetworkConfig, PositionNetwork, Projector, build_network
from voco3d.weights import export_authors, initialise

SWIN = NetworkConfig("swin_unetr", 1, 2, {"feature_size": 12})


def build(seed, config=SWIN):
    torch.manual_seed(seed)
    backbone = build_network(config)
    return PositionNetwork(backbone, Projector(backbone.feature_width, 6))


@pytest.fixture(scope="module")
def source():
    return build(1)


@pytest.fixture(scope="module")
def file(source, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "encoder.pt"
    export_authors(source, path)
    return path


def test_it_comes_back(file, source):
    network = build(2)
    report = initialise(network, file)
    for key in network.backbone.encoder_keys():
        assert torch.equal(network.backbone.state_dict()[key], source.backbone.state_dict()[key])
    parameters = dict(source.projector.named_parameters())
    for key, value in network.projector.named_parameters():
        assert torch.equal(value, parameters[key]), key
    assert report.encoder_complete
    assert report.projector == "the projector was loaded"
    assert not report.unexpected


def test_the_file_is_a_bare_dictionary_of_tensors(file):
    content = torch.load(file, weights_only=True)
    assert type(content) is dict
    assert {type(value) for value in content.values()} == {torch.Tensor}
    assert next(iter(content)).startswith("swinViT.")  # their loaders look at the first key
    assert os.listdir(file.parent) == [file.name]


def test_a_loader_by_key_and_shape_fills_the_encoder_of_plain_monai(file, source):
    plain = MonaiSwinUNETR(in_channels=1, out_channels=14, feature_size=12, use_v2=True)
    content, own = torch.load(file, weights_only=True), plain.state_dict()
    fitting = {k: v for k, v in content.items() if k in own and v.shape == own[k].shape}
    assert fitting.keys() == set(source.backbone.encoder_keys())
    plain.load_state_dict({**own, **fitting}, strict=True)
    for key in source.backbone.encoder_keys():
        assert torch.equal(plain.state_dict()[key], source.backbone.state_dict()[key])


@torch.no_grad()
def test_the_projector_fits_a_head_of_named_layers(file, source):
    """Their head: layers 1 and 2 are Linear, BatchNorm, ReLU, and layer 3 is Linear."""
    width, inner = 6, source.projector.in_width

    def norm():
        return nn.BatchNorm1d(width, affine=False, track_running_stats=False)

    head = nn.Sequential()
    head.add_module("layer1", nn.Sequential(nn.Linear(inner, width), norm(), nn.ReLU()))
    head.add_module("layer2", nn.Sequential(nn.Linear(width, width), norm(), nn.ReLU()))
    head.add_module("layer3", nn.Sequential(nn.Linear(width, width)))
    content = torch.load(file, weights_only=True)
    prefix = "proj_head."
    theirs = {k.removeprefix(prefix): v for k, v in content.items() if k.startswith(prefix)}
    head.load_state_dict(theirs, strict=True)
    features = torch.randn(5, inner)
    assert torch.equal(head(features), source.projector.train()(features))


def test_only_networks_of_theirs(tmp_path):
    network = build(1, NetworkConfig("unet", 1, 2, {"filters": [4, 8, 12]}))
    with pytest.raises(VoCoError, match="no network unet"):
        export_authors(network, tmp_path / "a.pt")
    assert not any(tmp_path.iterdir())


def test_a_missing_folder_is_an_error(tmp_path, source):
    with pytest.raises(VoCoError, match="cannot be written"):
        export_authors(source, tmp_path / "none/a.pt")
