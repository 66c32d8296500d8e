"""The network of a run: from which weights, with how many inputs and outputs."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from Testing.conftest import STRUCTURES
from Testing.training.finetuning.small_run import CONFIG, FILTERS, changed, write_start
from voco3d.errors import VoCoError
from voco3d.finetuning.config import FinetuneConfig
from voco3d.finetuning.network import build_start
from voco3d.weights import read_tensors
from voco3d.weights.saving import distinct_tensors

ENCODER_ALONE, SAME_CLASSES = (), STRUCTURES


def started(init: str | Path, outputs: int = 3, channels: int = 1, **options):
    torch.manual_seed(0)
    config = replace(CONFIG, init=str(init), **options)
    return build_start(config, channels, outputs)


def weights_of(model) -> dict[str, Tensor]:
    return dict(read_tensors(model.weights).tensors)


def assert_taken(network, source: dict[str, Tensor], keys: list[str]) -> None:
    assert keys
    for key in keys:
        torch.testing.assert_close(network.state_dict()[key], source[key], atol=0, rtol=0)


def head_keys(network) -> list[str]:
    head = {id(tensor) for tensor in network.head.parameters()}
    return [key for key, tensor in network.named_parameters() if id(tensor) in head]


def test_without_weights_it_is_random_and_a_function_of_the_seed():
    starts = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        start = build_start(CONFIG, 2, 3)
        assert (start.report, start.model) == (None, None)
        config = start.network.config
        assert (config.name, config.in_channels, config.out_channels) == ("unet", 2, 3)
        starts.append(start.network.state_dict())
    key = next(key for key in starts[0] if key.endswith("weight"))
    assert torch.equal(starts[0][key], starts[1][key])
    assert not torch.equal(starts[0][key], starts[2][key])


@pytest.mark.parametrize("by", ["name", "folder", "checkpoint"])
@pytest.mark.parametrize("named", [True, False])
def test_weights_are_given_by_name_folder_or_file(tmp_path, monkeypatch, by, named):
    monkeypatch.setenv("VOCO_MODELS", str(tmp_path / "models"))
    model = write_start(tmp_path / "models" / "mine")
    init = {"name": "mine", "folder": tmp_path / "models/mine", "checkpoint": model.weights}[by]
    options = {} if named else {"network": FinetuneConfig().network}
    if by == "checkpoint" and not named:
        with pytest.raises(VoCoError, match="does not say which network .* network.name"):
            started(init, **options)
        return
    start = started(init, **options)
    assert_taken(start.network, weights_of(model), list(weights_of(model)))
    assert (start.model is None) == (by == "checkpoint")
    assert start.network.config.args["filters"] == FILTERS
    assert start.report.encoder_complete


def test_of_a_pretrained_model_the_encoder_is_loaded_and_the_rest_random(tmp_path):
    model = write_start(tmp_path / "encoder", ENCODER_ALONE)
    one = started(tmp_path / "encoder")
    torch.manual_seed(1)
    other = build_start(replace(CONFIG, init=str(tmp_path / "encoder")), 1, 3)
    encoder = one.network.encoder_keys()
    assert set(weights_of(model)) <= set(encoder)
    assert_taken(one.network, weights_of(model), list(weights_of(model)))
    for key, value in distinct_tensors(one.network).items():
        if key.endswith("conv.weight"):
            assert torch.equal(value, other.network.state_dict()[key]) == (key in encoder), key
    decoder = [key for key in distinct_tensors(one.network) if key not in encoder]
    assert set(one.report.missing) == set(decoder)


@pytest.mark.parametrize("same", [True, False])
def test_decoder_and_head_are_kept_where_they_fit(tmp_path, same):
    model = write_start(tmp_path / "whole", SAME_CLASSES)
    start = started(tmp_path / "whole", outputs=3 if same else 5)
    source, head = weights_of(model), head_keys(start.network)
    kept = [key for key in distinct_tensors(start.network) if same or key not in head]
    assert_taken(start.network, source, kept)
    shapes = {mismatch.key for mismatch in start.report.mismatched}
    assert shapes == (set() if same else set(head))
    assert start.network.config.out_channels == (3 if same else 5)


def test_weights_for_one_channel_are_spread_over_several(tmp_path):
    write_start(tmp_path / "whole", SAME_CLASSES)
    one, four = (
        started(tmp_path / "whole", channels=channels).network.eval() for channels in (1, 4)
    )
    image = torch.rand(1, 1, 16, 16, 16)
    with torch.inference_mode():
        torch.testing.assert_close(four(image.expand(-1, 4, -1, -1, -1)), one(image))


def test_a_checkpoint_file_may_be_of_the_authors_kind(tmp_path):
    torch.manual_seed(7)
    network = build_start(CONFIG, 1, 3).network
    file = tmp_path / "theirs.pt"
    torch.save({"state_dict": {f"module.{k}": v for k, v in network.state_dict().items()}}, file)
    start = started(file)
    assert_taken(start.network, network.state_dict(), list(network.state_dict()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"init": "nowhere"}, "no model or checkpoint nowhere: `voco models list`"),
        ({"init": "{tmp}"}, "no model or checkpoint"),
        ({"init": "{tmp}/text.pt"}, "text.pt"),
        ({"init": "{tmp}/wide"}, "does not give all of the encoder"),
        ({"network": FinetuneConfig().network}, "Say which network to train"),
    ],
)
def test_weights_that_are_not_there_or_do_not_fit_are_refused(tmp_path, options, message):
    write_start(tmp_path / "wide", filters=[6, 8, 8])
    (tmp_path / "text.pt").write_text("no weights")
    if "init" in options:
        options = {**options, "init": options["init"].format(tmp=tmp_path)}
    with pytest.raises(VoCoError, match=message) as refused:
        build_start(replace(CONFIG, **options), 1, 3)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("size", [(16, 16, 18), (4, 4, 4)])
def test_crops_that_do_not_fit_the_network_are_refused(size):
    with pytest.raises(VoCoError, match="crops.size multiples of 4, one of them 8 or more"):
        build_start(changed("crops", size=size), 1, 3)
