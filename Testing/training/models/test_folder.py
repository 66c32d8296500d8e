import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch

from Testing.conftest import STRUCTURES, small_model
from voco3d.errors import VoCoError
from voco3d.models import Card, find_model, model_folders, read_model, write_model
from voco3d.models.structures import Structure, choose
from voco3d.networks import build_network


def test_what_is_written_is_read(model_folder):
    model = read_model(model_folder)
    expected = small_model(model_folder.with_name("again"))
    assert model == dataclasses.replace(
        expected, name="small", weights=model_folder / "models/model.safetensors"
    )


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
    from voco3d.networks import NetworkConfig

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
