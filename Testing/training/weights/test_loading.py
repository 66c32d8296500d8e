"""Loading weights into a network: equal outputs, and a report of every key."""

import pytest
import torch

from voco3d.errors import VoCoError
from voco3d.networks import NetworkConfig, build_network
from voco3d.weights import Checkpoint, infer_network, load_weights, read_tensors

SWIN = NetworkConfig("swin_unetr", 1, 3, {"feature_size": 12})
UNET = NetworkConfig("unet", 1, 3, {"filters": [4, 6, 8]})
UNETR = NetworkConfig(
    "unetr",
    1,
    3,
    {
        "img_size": [32, 16, 16],
        "feature_size": 6,
        "hidden_size": 24,
        "mlp_dim": 48,
        "num_heads": 2,
    },
)
SIZES = {"swin_unetr": (64, 32, 32), "unet": (16, 16, 16), "unetr": (32, 16, 16)}
SWIN_FIRST = "swinViT.patch_embed.proj.weight"
HEAD = "out.conv.conv.weight"


def build(config, seed=0):
    torch.manual_seed(seed)
    return build_network(config).eval()


def with_classes(config, classes):
    return NetworkConfig(config.name, config.in_channels, classes, config.args)


def with_channels(config, channels):
    return NetworkConfig(config.name, channels, config.out_channels, config.args)


def image_for(network, channels=1):
    torch.manual_seed(1)
    return torch.randn(1, channels, *SIZES[network.config.name])


@pytest.fixture(scope="module")
def source():
    """A SwinUNETR, an image and what it makes of it."""
    network = build(SWIN)
    image = image_for(network)
    with torch.no_grad():
        return network, image, network(image)


WRAPPERS = {
    "none": lambda tensors: tensors,
    "state_dict": lambda tensors: {"state_dict": tensors, "epoch": 1},
    "network_weights": lambda tensors: {"network_weights": tensors},
    "net": lambda tensors: {"net": tensors},
    "student": lambda tensors: {"student": tensors, "teacher": tensors},
}
PREFIXES = ["", "module.", "backbone.", "student."]


@torch.no_grad()
@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_file_and_source_network_give_equal_outputs(tmp_path, source, wrapper, prefix):
    network, image, output = source
    state = network.state_dict()
    for swin_name in ("swinViT", "swin_vit"):
        tensors = {prefix + key.replace("swinViT", swin_name): state[key] for key in state}
        torch.save(WRAPPERS[wrapper](tensors), tmp_path / "a.pt")

        checkpoint = read_tensors(tmp_path / "a.pt")
        config = infer_network(checkpoint)
        loaded = build(config, seed=5)
        report = load_weights(loaded, checkpoint)

        assert config == SWIN
        assert all(torch.equal(value, state[key]) for key, value in loaded.state_dict().items())
        assert (len(report.loaded), report.percent_loaded) == (167, 100)
        assert report.complete
        assert report.encoder_complete
        assert not report.unexpected
        assert {name for name, _ in report.renamed} == tensors.keys() - state.keys()
    # the first spelling's network had the same state, so one pass shows both
    assert torch.equal(loaded(image), output)


@torch.no_grad()
@pytest.mark.parametrize(("wrap", "prefix"), [(False, ""), (True, "module.student.backbone.")])
def test_an_encoder_file_gives_equal_features(tmp_path, source, wrap, prefix):
    network, image, _ = source
    tensors = {prefix + key: network.state_dict()[key] for key in network.encoder_keys()}
    torch.save({"state_dict": {"student": tensors}} if wrap else tensors, tmp_path / "a.pt")

    loaded = build(with_classes(SWIN, 5), seed=5)
    report = load_weights(loaded, read_tensors(tmp_path / "a.pt"))

    assert torch.equal(loaded.features(image), network.features(image))
    assert len(report.loaded) == 145
    assert report.encoder_complete
    assert not report.complete
    assert len(report.missing) == 22
    assert set(report.missing) == loaded.state_dict().keys() - set(loaded.encoder_keys())


@torch.no_grad()
@pytest.mark.parametrize("config", [UNET, UNETR], ids=lambda config: config.name)
def test_the_other_networks_load_too(config):
    network, loaded = build(config), build(config, seed=5)
    image = image_for(network)
    assert not torch.equal(loaded(image), network(image))
    report = load_weights(loaded, Checkpoint(network.state_dict()))
    assert torch.equal(loaded(image), network(image))
    assert report.complete
    assert not report.unexpected
    assert report.percent_loaded == 100


@torch.no_grad()
@pytest.mark.parametrize("keep", ["skip_layers.", "others"])
def test_a_unet_loads_from_either_set_of_its_keys(keep):
    network, loaded = build(UNET), build(UNET, seed=5)
    tensors = {
        key: value
        for key, value in network.state_dict().items()
        if key.startswith("skip_layers.") == (keep == "skip_layers.")
        or key.startswith("output_block.")
    }
    report = load_weights(loaded, Checkpoint(tensors))
    image = image_for(network)
    assert torch.equal(loaded(image), network(image))
    assert report.complete
    assert not report.unexpected


@torch.no_grad()
def test_half_precision_weights_load_into_single_precision():
    network, loaded = build(UNET), build(UNET, seed=5)
    half = {key: value.half() for key, value in network.state_dict().items()}
    load_weights(loaded, Checkpoint(half))
    assert all(value.dtype == torch.float32 for value in loaded.state_dict().values())
    image = image_for(network)
    torch.testing.assert_close(loaded(image), network(image), atol=0.02, rtol=0)


def test_a_head_with_another_class_count_is_reported_and_the_rest_loads():
    network, loaded = build(with_classes(SWIN, 21)), build(SWIN, seed=5)
    head = loaded.state_dict()[HEAD].clone()
    report = load_weights(loaded, Checkpoint(network.state_dict()))

    assert [mismatch.key for mismatch in report.mismatched] == [HEAD, "out.conv.conv.bias"]
    assert report.mismatched[0][1:] == ((21, 12, 1, 1, 1), (3, 12, 1, 1, 1))
    assert report.encoder_complete
    assert not report.complete
    assert len(report.loaded) == 165
    assert torch.equal(loaded.state_dict()[HEAD], head)
    ours, theirs = loaded.state_dict(), network.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in report.loaded)


def test_percent_counts_elements_of_parameters():
    network = build(UNET)
    tensors = {"input_block.conv1.conv.weight": network.input_block.conv1.conv.weight.detach()}
    report = load_weights(build(UNET, seed=5), Checkpoint(tensors), allow_partial=True)
    total = sum(value.numel() for value in network.parameters())
    assert report.percent_loaded == pytest.approx(100 * 4 * 27 / total)


def test_an_incomplete_encoder_is_an_error_that_names_keys_and_changes_nothing():
    tensors = dict(build(SWIN).state_dict())
    del tensors[SWIN_FIRST]
    tensors["encoder1.layer.conv2.conv.weight"] = torch.zeros(12, 12, 1, 1, 1)
    loaded = build(SWIN, seed=5)
    before = {key: value.clone() for key, value in loaded.state_dict().items()}

    with pytest.raises(VoCoError) as error:
        load_weights(loaded, Checkpoint(tensors))
    assert "2 tensors do not fit" in str(error.value)
    assert f"{SWIN_FIRST} (missing)" in str(error.value)
    assert "conv2.conv.weight (12 x 12 x 1 x 1 x 1 in the file, 12 x 12 x 3" in str(error.value)
    assert all(torch.equal(value, before[key]) for key, value in loaded.state_dict().items())

    report = load_weights(loaded, Checkpoint(tensors), allow_partial=True)
    assert not report.encoder_complete
    assert report.missing == (SWIN_FIRST,)
    assert [mismatch.key for mismatch in report.mismatched] == ["encoder1.layer.conv2.conv.weight"]
    assert len(report.loaded) == 165


def test_weights_of_another_size_are_an_error():
    network = build(NetworkConfig("swin_unetr", 1, 3, {"feature_size": 24}))
    with pytest.raises(
        VoCoError, match=r"24 x 1 x 2 x 2 x 2 in the file, 12 x.*allow a partial encoder"
    ):
        load_weights(build(SWIN), Checkpoint(network.state_dict()))


def test_an_encoder_with_more_layers_is_an_error():
    tensors = dict(build(UNETR).state_dict())
    tensors["vit.blocks.12.norm1.weight"] = torch.zeros(24)
    with pytest.raises(VoCoError, match=r"12\.norm1\.weight \(unexpected\).*a partial encoder"):
        load_weights(build(UNETR), Checkpoint(tensors))
    report = load_weights(build(UNETR), Checkpoint(tensors), allow_partial=True)
    assert report.complete
    assert not report.encoder_complete


def test_fixed_index_tables_need_not_be_in_the_file():
    tensors = {
        key: value
        for key, value in build(SWIN).state_dict().items()
        if not key.endswith("relative_position_index")
    }
    report = load_weights(build(SWIN, seed=5), Checkpoint(tensors))
    assert report.encoder_complete
    assert len(report.missing) == 8
    assert report.percent_loaded == 100


@torch.no_grad()
@pytest.mark.parametrize(("config", "channels"), [(SWIN, 4), (UNET, 2), (UNET, 3), (UNETR, 4)])
def test_inflated_weights_give_the_same_output_for_identical_channels(config, channels):
    network, wide = build(config), build(with_channels(config, channels), seed=5)
    checkpoint = Checkpoint(network.state_dict())
    with pytest.raises(VoCoError, match="inflate the first layer"):
        load_weights(wide, checkpoint)

    report = load_weights(wide, checkpoint, inflate_channels=True)
    image = image_for(network)
    output = wide(image.expand(-1, channels, -1, -1, -1))
    torch.testing.assert_close(output, network(image), atol=1e-4, rtol=1e-4)
    assert report.inflated == wide.input_keys
    assert set(report.inflated) <= set(report.loaded)
    assert report.complete


@torch.no_grad()
def test_inflating_changes_nothing_where_the_channels_agree():
    network, loaded = build(UNET), build(UNET, seed=5)
    report = load_weights(loaded, Checkpoint(network.state_dict()), inflate_channels=True)
    assert report.inflated == ()
    image = image_for(network)
    assert torch.equal(loaded(image), network(image))


def test_several_channels_do_not_fit_one():
    tensors = build(with_channels(UNET, 4)).state_dict()
    with pytest.raises(VoCoError, match="allow a partial encoder"):
        load_weights(build(UNET), Checkpoint(tensors), inflate_channels=True)


def test_the_report_has_a_line_for_every_key(tmp_path):
    tensors = {f"module.{key}": value for key, value in build(SWIN).state_dict().items()}
    del tensors["module.decoder1.transp_conv.conv.weight"]
    tensors["module.projector.weight"] = torch.ones(2)
    torch.save(tensors, tmp_path / "a.pt")
    network = build(with_classes(with_channels(SWIN, 2), 4))
    report = load_weights(network, read_tensors(tmp_path / "a.pt"), inflate_channels=True)
    lines = list(report.lines())

    assert len(lines) == 167 + 1
    assert f"inflated   {SWIN_FIRST} (in the file: module.{SWIN_FIRST})" in lines
    assert (
        "mismatched out.conv.conv.bias (3 in the file, 4 in the network) "
        "(in the file: module.out.conv.conv.bias)"
    ) in lines
    assert "missing    decoder1.transp_conv.conv.weight" in lines
    assert "unexpected projector.weight (in the file: module.projector.weight)" in lines
    assert sum(line.startswith("loaded ") for line in lines) == 167 - 1 - 2 - 3

    summary = report.summary()
    assert "\n" not in summary
    assert "164 tensors loaded (167 keys renamed, 3 inflated)" in summary
    assert "2 of another shape, 1 missing, 1 unexpected" in summary
    assert f"{report.percent_loaded:.1f} %" in summary
