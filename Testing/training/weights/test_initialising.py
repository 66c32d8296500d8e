"""Starting a position network from the files that there are."""

import copy

import pytest
import pytorch_lightning as pl
import torch
from monai.networks.nets import SwinUNETR as MonaiSwinUNETR
from torch import nn

from voco3d.errors import VoCoError
from voco3d.networks import NetworkConfig, PositionNetwork, Projector, build_network
from voco3d.weights import initialise, save_weights

SWIN = NetworkConfig("swin_unetr", 1, 2, {"feature_size": 12})
UNET = NetworkConfig("unet", 1, 2, {"filters": [4, 8, 12]})


def build(config=SWIN, width=6, seed=0):
    torch.manual_seed(seed)
    backbone = build_network(config)
    return PositionNetwork(backbone, Projector(backbone.feature_width, width))


def tensors(network):
    return {key: value.clone() for key, value in network.state_dict().items()}


def encoder(network):
    return {key: network.backbone.state_dict()[key] for key in network.backbone.encoder_keys()}


def assert_encoder(network, source):
    for key, value in encoder(source).items():
        assert torch.equal(network.backbone.state_dict()[key], value), key


def projectors_equal(network, source):
    theirs = source.projector.state_dict()
    return [torch.equal(v, theirs[k]) for k, v in network.projector.state_dict().items() if v.ndim]


def authors_projector(network):
    return {
        f"layer{i}.0.{name}": getattr(network.projector, f"linear{i}").state_dict()[name]
        for i in (1, 2, 3)
        for name in ("weight", "bias")
    }


def of_2024(network, other):
    """Student and teacher are both whole networks."""

    def whole(of):
        head = {f"proj_head.{key}": value for key, value in authors_projector(of).items()}
        return encoder(of) | head

    student = {f"student.{key}": value for key, value in whole(network).items()}
    return student | {f"teacher.{key}": value for key, value in whole(other).items()}


def of_2025(network, other):
    """One backbone; student and teacher are projectors."""
    return (
        {f"backbone.{key}": value for key, value in encoder(network).items()}
        | {f"student.{key}": value for key, value in authors_projector(network).items()}
        | {f"teacher.{key}": value for key, value in authors_projector(other).items()}
    )


@pytest.mark.parametrize("layout", [of_2024, of_2025])
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("wrap", [True, False])
def test_the_authors_checkpoints_of_pretraining(tmp_path, layout, prefix, wrap):
    source, teacher = build(seed=1), build(seed=2)
    state = {prefix + key: value for key, value in layout(source, teacher).items()}
    content = {"global_step": 3, "state_dict": state} if wrap else state
    torch.save(content, tmp_path / "a.pt")
    network = build()
    report = initialise(network, tmp_path / "a.pt")
    assert_encoder(network, source)
    for layer in ("linear1", "linear2", "linear3"):
        ours, theirs = getattr(network.projector, layer), getattr(source.projector, layer)
        assert torch.equal(ours.weight, theirs.weight)
        assert torch.equal(ours.bias, theirs.bias)
    assert report.encoder_complete
    assert report.projector == "the projector was loaded"
    assert report.projector in report.summary()
    assert report.unexpected
    assert all(key.startswith("teacher.") for key in report.unexpected)


def test_a_file_without_a_projector_leaves_it_random_and_says_so(tmp_path):
    source, network = build(seed=1), build()
    torch.save(encoder(source), tmp_path / "VoCo_B_SSL_head.pt")
    before = network.projector.linear1.weight.clone()
    report = initialise(network, tmp_path / "VoCo_B_SSL_head.pt")
    assert_encoder(network, source)
    assert torch.equal(network.projector.linear1.weight, before)
    assert report.projector == "the projector starts random, as the file has none"
    assert "missing    projector.linear1.weight" in list(report.lines())


def test_a_projector_of_another_width_is_said(tmp_path):
    source, network = build(width=10, seed=1), build()
    torch.save(of_2024(source, source), tmp_path / "a.pt")
    before = network.projector.linear3.weight.clone()
    report = initialise(network, tmp_path / "a.pt")
    assert_encoder(network, source)
    assert torch.equal(network.projector.linear3.weight, before)
    assert "the file has another: projector.linear1.weight (10 x 288 in the file, 6 x 288" in (
        report.summary()
    )
    assert any(
        line.startswith("mismatched projector.linear3.weight (10 x 10") for line in report.lines()
    )


def test_a_plain_monai_network(tmp_path):
    torch.manual_seed(3)
    plain = MonaiSwinUNETR(in_channels=1, out_channels=21, feature_size=12, use_v2=True)
    torch.save(plain.state_dict(), tmp_path / "VoComni_B.pt")
    network = build()
    report = initialise(network, tmp_path / "VoComni_B.pt")
    assert report.encoder_complete
    assert [mismatch.key for mismatch in report.mismatched] == [
        "out.conv.conv.weight",
        "out.conv.conv.bias",
    ]
    for key in network.backbone.encoder_keys():
        assert torch.equal(network.backbone.state_dict()[key], plain.state_dict()[key])


@pytest.mark.parametrize("compiled", [False, True])
def test_a_checkpoint_of_a_run(tmp_path, compiled):
    class Module(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.network = build(UNET, seed=1)
            self.teacher = nn.ModuleDict({"average": copy.deepcopy(build(UNET, seed=2))})

    module = Module()
    source = copy.deepcopy(module.network)
    if compiled:
        module.network.backbone = torch.compile(module.network.backbone)
    trainer = pl.Trainer(
        accelerator="cpu", logger=False, barebones=True, default_root_dir=str(tmp_path)
    )
    trainer.strategy.connect(module)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    network = build(UNET)
    report = initialise(network, tmp_path / "last.ckpt")
    assert report.complete
    assert report.percent_loaded == 100
    assert all(projectors_equal(network, source))
    for key, value in source.backbone.state_dict().items():
        assert torch.equal(network.backbone.state_dict()[key], value), key


def test_one_channel_is_spread_over_several(tmp_path):
    source = build(UNET, seed=1)
    save_weights(tmp_path / "a.safetensors", source.backbone)
    network = build(NetworkConfig("unet", 4, 2, UNET.args))
    report = initialise(network, str(tmp_path / "a.safetensors"))
    assert report.inflated == ("input_block.conv1.conv.weight",)
    ours, theirs = (n.backbone.input_block.conv1.conv.weight for n in (network, source))
    torch.testing.assert_close(ours, theirs.expand_as(ours) / 4)


def test_percent_counts_the_projector_too(tmp_path):
    network = build(UNET)
    save_weights(tmp_path / "a.safetensors", network.backbone)
    report = initialise(network, tmp_path / "a.safetensors")
    counts = [sum(p.numel() for p in part.parameters()) for part in (network.backbone, network)]
    assert report.percent_loaded == pytest.approx(100 * counts[0] / counts[1])


def test_weights_of_another_network_change_nothing(tmp_path):
    save_weights(tmp_path / "a.safetensors", build(UNET).backbone)
    network = build(NetworkConfig("unet", 1, 2, {"filters": [4, 8, 16]}))
    before = tensors(network)
    with pytest.raises(VoCoError, match="does not give all of the encoder"):
        initialise(network, tmp_path / "a.safetensors")
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_an_empty_folder_is_no_source(tmp_path):
    with pytest.raises(VoCoError, match="does not exist"):
        initialise(build(UNET), tmp_path)
