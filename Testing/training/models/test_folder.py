import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch

from Testing.conftest import STRUCTURES, small_model
from Testing.training.models.region_model import REGIONS, region_model
from voco3d.data import Preprocessing
from voco3d.errors import VoCoError
from voco3d.models import Card, find_model, model_folders, read_model, write_model
from voco3d.models.bundle import inference, metadata
from voco3d.models.catalogue import bundled_folder
from voco3d.models.folder import readme
from voco3d.models.structures import Structure, choose
from voco3d.networks import NetworkConfig, build_network


def test_what_is_written_is_read(model_folder):
    model = read_model(model_folder)
    expected = small_model(model_folder.with_name("again"))
    assert model == dataclasses.replace(
        expected, name="small", weights=model_folder / "models/model.safetensors"
    )


def test_regions_and_channels_are_read_as_written(tmp_path):
    model = region_model(tmp_path / "tumor")
    read = read_model(tmp_path / "tumor")
    assert read == model
    assert (read.regions, read.channels) == (REGIONS, ("flair", "t1"))
    assert read.preprocessing == Preprocessing(None, None)
    text = readme(read)
    assert "- Channels: flair, t1\n" in text
    assert "whole tumor (labels 1 + 2 + 4), tumor core (labels 1 + 4)" in text


@pytest.mark.parametrize("folder", sorted(bundled_folder().iterdir()), ids=lambda f: f.name)
def test_bundled_models_are_described_as_before(folder):
    model = read_model(folder)
    written = (folder / "configs/metadata.json").read_text(encoding="utf-8")
    ours = json.loads(json.dumps(metadata(model)))
    assert ours["voco"] == json.loads(written)["voco"]
    assert ours["network_data_format"] == json.loads(written)["network_data_format"]
    assert "size" not in ours["voco"]["preprocessing"]
    if model.segments:
        steps = json.loads((folder / "configs/inference.json").read_text(encoding="utf-8"))
        assert json.loads(json.dumps(inference(model, build_network(model.network)))) == steps


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": NetworkConfig("unet", 2, 4, {"filters": [8, 8, 16]})}, "its network gives 4"),
        ({"structures": STRUCTURES}, "names 2 regions, says of 3"),
        ({"largest_component": True}, "largest_component must be off"),
        ({"channels": ("flair",)}, "names 1 channels, but its network takes 2"),
        ({"categories": ("normal", "ill")}, "either segment or classify"),
        ({"structures": (), "regions": None, "categories": ("ill",)}, "two categories or more"),
        ({"structures": (), "regions": None, "categories": ("a", "a")}, "each named once"),
    ],
)
def test_parts_that_do_not_fit_are_refused(tmp_path, changes, message):
    model = region_model(tmp_path / "tumor")
    with pytest.raises(VoCoError, match=message):
        dataclasses.replace(model, **changes)


def test_the_weights_come_back(tmp_path):
    model = small_model(tmp_path / "model")
    torch.manual_seed(2)
    network = build_network(model.network)
    loaded, report = read_model(tmp_path / "model").load()
    assert report.complete
    for key, tensor in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], tensor), key


def test_half_precision_is_half_the_size_and_nearly_the_same(tmp_path):
    model = small_model(tmp_path / "full")
    network = build_network(model.network)
    write_model(tmp_path / "half", model, network, torch.float16)
    loaded = read_model(tmp_path / "half").load()[0]
    size = [(tmp_path / n / "models/model.safetensors").stat().st_size for n in ("half", "full")]
    assert size[0] < 0.6 * size[1]
    assert next(loaded.parameters()).dtype == torch.float32
    for key, tensor in network.state_dict().items():
        assert torch.allclose(loaded.state_dict()[key], tensor, rtol=1e-3, atol=1e-4), key


def test_an_existing_folder_is_kept_unless_told(tmp_path):
    model = small_model(tmp_path / "model")
    network = build_network(model.network)
    with pytest.raises(VoCoError, match="exists already"):
        write_model(tmp_path / "model", model, network)
    changed = dataclasses.replace(model, card=Card("Replaced"))
    write_model(tmp_path / "model", changed, network, overwrite=True)
    assert read_model(tmp_path / "model").card.task == "Replaced"


def test_overwrite_spares_what_is_no_model(tmp_path):
    model = small_model(tmp_path / "model")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter.txt").write_text("years of work")
    with pytest.raises(VoCoError, match="exists already"):
        write_model(tmp_path / "thesis", model, build_network(model.network), overwrite=True)
    assert (tmp_path / "thesis/chapter.txt").exists()


def test_a_failure_leaves_nothing(tmp_path):
    model = small_model(tmp_path / "model")
    network = build_network(model.network)
    with torch.no_grad():
        next(network.parameters()).fill_(float("nan"))
    with pytest.raises(VoCoError, match="not finite"):
        write_model(tmp_path / "bad", model, network)
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_a_replacement_that_fails_keeps_the_model(tmp_path, monkeypatch):
    model = small_model(tmp_path / "model")
    rename = Path.rename

    def failing(source, target):
        if target == tmp_path / "model" and source.suffix != ".old":
            raise OSError(28, "No space left on device")
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", failing)
    changed = dataclasses.replace(model, card=Card("Replaced"))
    with pytest.raises(VoCoError, match="No space left"):
        write_model(tmp_path / "model", changed, build_network(model.network), overwrite=True)
    assert read_model(tmp_path / "model").card == model.card
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v.pop("voco"), "does not describe a model"),
        (lambda v: v["voco"].update(format=99), "format 99"),
        (lambda v: v["voco"].update(weights="models/none.safetensors"), "lacks its weights"),
        (lambda v: v["voco"]["classes"].pop(), "names 1 classes, but its network gives 2"),
        (lambda v: v["voco"]["classes"][0].pop("type"), "class entry"),
        (lambda v: v["voco"]["classes"][0].update(color=[1, 2, 300]), "class entry"),
        (lambda v: v["voco"]["network"].update(name="resnet"), None),
        (lambda v: v["voco"].update(window=[24, 24]), "does not describe a model"),
        (lambda v: v["voco"].update(window=[24, 24, 25]), "needs multiples of 4"),
        (lambda v: v["voco"].update(window=[4, 4, 4]), "more than 4 on one side"),
        (lambda v: v["voco"]["preprocessing"].update(spacing=[1, 1, -1]), "spacing"),
        (lambda v: v["voco"]["preprocessing"].pop("spacing"), "does not describe a model"),
        (lambda v: v["voco"]["preprocessing"].update(size=[8, 8, 8]), "not both"),
        (lambda v: v["voco"].update(regions={"members": [[1], [2]]}), "does not describe a model"),
        (lambda v: v["voco"].update(channels=["a", "b"]), "names 2 channels"),
        (lambda v: v["voco"].update(overlap=1.5), "overlap"),
    ],
)
def test_damaged_metadata_is_refused(model_folder, tmp_path, change, message):
    folder = tmp_path / "damaged"
    shutil.copytree(model_folder, folder)
    file = folder / "configs/metadata.json"
    values = json.loads(file.read_text())
    change(values)
    file.write_text(json.dumps(values))
    with pytest.raises(VoCoError, match=message):
        read_model(folder).load()


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00"])
def test_metadata_that_is_no_json(model_folder, tmp_path, text):
    folder = tmp_path / "damaged"
    shutil.copytree(model_folder, folder)
    (folder / "configs/metadata.json").write_text(text)
    with pytest.raises(VoCoError, match="does not describe a model"):
        read_model(folder)


def test_weights_of_another_network_are_refused(tmp_path):
    small_model(tmp_path / "one")
    small_model(tmp_path / "two", network=NetworkConfig("unet", 1, 3, {"filters": [8, 16, 16]}))
    name = "models/model.safetensors"
    shutil.copy(tmp_path / "two" / name, tmp_path / "one" / name)
    with pytest.raises(VoCoError, match="encoder"):
        read_model(tmp_path / "one").load()


def test_the_catalogue_knows_bundled_and_own_models(tmp_path, monkeypatch):
    monkeypatch.setenv("VOCO_MODELS", str(tmp_path))
    small_model(tmp_path / "mine")
    assert list(model_folders()) == ["headneck-oar", "headneck-voco", "mine"]
    assert find_model("mine").name == "mine"
    assert find_model(tmp_path / "mine").name == "mine"
    with pytest.raises(VoCoError, match="no model 'nothing'.*headneck-oar, headneck-voco, mine"):
        find_model("nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(VoCoError, match="not a model folder"):
        find_model(tmp_path / "empty")


def test_choosing_structures():
    first, second = STRUCTURES
    assert choose(STRUCTURES, None) == {1: first, 2: second}
    assert choose(STRUCTURES, ["RIGHT parotid gland"]) == {2: second}
    assert list(choose(STRUCTURES, [second.name, first.name])) == [1, 2]
    for names in ([], ["kidney"], ["brainstem", ""]):
        with pytest.raises(VoCoError, match="choose from brainstem, right parotid gland"):
            choose(STRUCTURES, names)


def test_structures_survive_json():
    for structure in STRUCTURES:
        assert Structure.from_json(json.loads(json.dumps(structure.to_json()))) == structure
