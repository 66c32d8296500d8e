"""The folder of a model that classifies."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import torch

from voco3d.data import Preprocessing
from voco3d.errors import VoCoError
from voco3d.models import Card, Model, read_model, write_model
from voco3d.networks import Classifier, NetworkConfig, build_network

SCHEMA = Path(__file__).with_name("metadata_schema.json")
SIZE = (16, 8, 8)


@pytest.fixture
def network():
    torch.manual_seed(4)
    return Classifier(build_network(NetworkConfig("unet", 1, 1, {"filters": [4, 4, 4]})), 3)


@pytest.fixture
def model(tmp_path, network) -> Model:
    folder = tmp_path / "model"
    described = Model(
        name="lungs",
        network=network.backbone.config,
        preprocessing=Preprocessing(None, (-1000.0, 500.0), False, SIZE),
        window=SIZE,
        overlap=0.0,
        structures=(),
        weights=folder / "models/model.safetensors",
        card=Card("Tests the software"),
        categories=("normal", "CP", "NCP"),
    )
    write_model(folder, described, network)
    return described


@torch.no_grad()
def test_what_is_read_classifies_as_what_was_written(model, network):
    read = read_model(model.weights.parents[1])
    assert read == model
    loaded = read.load_classifier()
    assert not loaded.training
    image = torch.randn(2, 1, *SIZE)
    torch.testing.assert_close(loaded(image), network.eval()(image), atol=0, rtol=0)


def test_the_metadata_say_what_comes_out(model):
    folder = model.weights.parents[1]
    content = json.loads((folder / "configs/metadata.json").read_text())
    jsonschema.validate(content, json.loads(SCHEMA.read_text()))
    output = content["network_data_format"]["outputs"]["pred"]
    assert output["channel_def"] == {"0": "normal", "1": "CP", "2": "NCP"}
    assert output["num_channels"] == 3
    assert not (folder / "configs/inference.json").exists()
    assert "normal, CP, NCP" in (folder / "docs/README.md").read_text()


def test_a_backbone_can_be_taken_from_it(model, network):
    backbone, report = replace(model, categories=()).load()
    assert report.complete
    for key, tensor in network.backbone.state_dict().items():
        torch.testing.assert_close(backbone.state_dict()[key], tensor)


def test_a_model_of_another_kind_or_with_other_weights_does_not_classify(model):
    with pytest.raises(VoCoError, match="does not classify"):
        replace(model, categories=()).load_classifier()
    with pytest.raises(VoCoError, match=r"lack 2 tensors .*classifier\.(weight|bias)"):
        replace(model, categories=("a", "b")).load_classifier()


def test_only_a_classifier_of_the_right_width_is_written(model, network, tmp_path):
    for wrong in (network.backbone, Classifier(network.backbone, 2)):
        with pytest.raises(ValueError, match="3 categories need a classifier"):
            write_model(tmp_path / "other", model, wrong)
    assert not (tmp_path / "other").exists()
