"""Bare checkpoint files, shaped like the authors' releases, as models."""

import pytest
import torch

from voco3d.errors import VoCoError
from voco3d.inference import Segmenter
from voco3d.models import find_model, model_from_checkpoint, read_model, write_model
from voco3d.models.vocomni import STRUCTURES
from voco3d.networks import NetworkConfig, build_network


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return build_network(NetworkConfig("swin_unetr", 1, 21, {"feature_size": 12})).eval()


def save(network, file, keep=lambda key: True):
    state = {f"module.{k}": v for k, v in network.state_dict().items() if keep(k)}
    torch.save({"state_dict": state, "epoch": 3}, file)
    return file


def test_a_vocomni_file_is_a_model_with_its_classes(network, tmp_path):
    model = find_model(save(network, tmp_path / "VoComni_tiny.pt"))
    assert model.name == "VoComni_tiny"
    assert model.structures == STRUCTURES
    assert model.preprocessing.spacing == (1.5, 1.5, 1.5)
    assert model.preprocessing.intensity == (-175, 250)
    assert model.card.licence == "not stated by the authors"
    image = torch.rand(1, 1, 64, 64, 64)
    loaded, report = model.load()
    assert report.percent_loaded == 100
    with torch.no_grad():
        assert torch.equal(loaded(image), network(image))


def test_vocomni_sides_and_order():
    names = [s.name for s in STRUCTURES]
    assert len(names) == 20
    assert names[:3] == ["spleen", "right kidney", "left kidney"]
    assert names[-1] == "lung cancer"
    for structure in STRUCTURES:
        for side in ("right", "left"):
            if structure.name.startswith(side):
                assert structure.modifier.meaning.lower() == side


def test_an_encoder_is_a_model_that_does_not_segment(network, tmp_path):
    file = save(network, tmp_path / "VoCo_SSL_head.pt", network.is_encoder_key)
    model = model_from_checkpoint(file)
    assert not model.segments
    loaded, report = model.load()
    assert report.encoder_complete
    write_model(tmp_path / "encoder", model, loaded)
    again = read_model(tmp_path / "encoder")
    image = torch.rand(1, 1, 64, 64, 64)
    with torch.no_grad():
        assert torch.equal(again.load()[0].features(image), network.features(image))
    with pytest.raises(VoCoError, match="encoder without a segmentation head"):
        Segmenter(again)


def test_other_class_counts_get_plain_or_given_names(tmp_path):
    network = build_network(NetworkConfig("unet", 1, 3, {"filters": [8, 8, 16]}))
    file = save(network, tmp_path / "mine.pt")
    assert [s.name for s in model_from_checkpoint(file).structures] == ["class 1", "class 2"]
    named = model_from_checkpoint(file, classes=["tooth", "gum"])
    assert [s.name for s in named.structures] == ["tooth", "gum"]
    assert len({s.color for s in named.structures}) == 2
    with pytest.raises(VoCoError, match="names 3 classes, but its network gives 2"):
        model_from_checkpoint(file, classes=["a", "b", "c"])


def test_a_first_layer_inflates_to_four_channels(network, tmp_path):
    file = save(network, tmp_path / "VoComni_tiny.pt")
    model = model_from_checkpoint(file, in_channels=4)
    loaded, report = model.load(inflate_channels=True)
    assert report.inflated
    image = torch.rand(1, 1, 64, 64, 64)
    with torch.no_grad():
        theirs, ours = network(image), loaded(image.expand(1, 4, 64, 64, 64))
    assert torch.allclose(ours, theirs, atol=1e-3)
