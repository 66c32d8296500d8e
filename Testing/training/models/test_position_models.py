"""A model folder that predicts positions: written, read, damaged."""

import dataclasses
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from Testing.training.models.position_model import POSITIONS, position_model, position_network
from Testing.training.models.test_bundle import verify
from voco3d.errors import VoCoError
from voco3d.inference import Segmenter
from voco3d.models import Positions, model_from_checkpoint, read_model, write_model
from voco3d.models.folder import readme
from voco3d.weights import initialise

METADATA = "configs/metadata.json"
WEIGHTS = "models/model.safetensors"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "position"
    position_model(path)
    return path


@pytest.mark.parametrize("segments", [False, True])
@torch.no_grad()
def test_what_is_written_is_read(tmp_path, segments):
    model, network, bases = position_model(tmp_path / "m", segments)
    assert read_model(tmp_path / "m") == model
    loaded, reference = read_model(tmp_path / "m").load_positions()
    assert not loaded.training
    assert torch.equal(reference, bases)
    crops = torch.rand(3, 1, 16, 16, 16)
    assert torch.equal(loaded(crops), network.eval()(crops))
    assert (tmp_path / "m/configs/inference.json").is_file() == segments
    if segments:
        segmenter, report = read_model(tmp_path / "m").load()
        assert report.complete
        assert torch.equal(segmenter(crops), network.backbone(crops))


def test_the_region_of_the_body_is_stated(folder, tmp_path):
    assert read_model(folder).body_region is None
    assert "Region of the body" not in readme(read_model(folder))
    position_model(tmp_path / "m", body_region="head and neck")
    model = read_model(tmp_path / "m")
    assert model.body_region == "head and neck"
    assert "- Region of the body: head and neck\n" in readme(model)
    assert json.loads((tmp_path / "m" / METADATA).read_text())["voco"]["body_region"]


def test_only_the_encoder_is_stored_beside_the_projector(folder):
    keys = load_file(folder / WEIGHTS).keys()
    encoder = ("input_block.", "downsamples.", "bottleneck.")
    parts = [key.partition(".")[0] + "." for key in keys if not key.startswith(encoder)]
    assert set(parts) == {"projector.", "reference_bases."}
    assert {"projector.norm1.running_mean", "projector.norm2.running_var"} <= keys


@torch.no_grad()
def test_half_precision(tmp_path):
    _, network, bases = position_model(tmp_path / "half", dtype=torch.float16)
    position_model(tmp_path / "full")
    sizes = [(tmp_path / name / WEIGHTS).stat().st_size for name in ("half", "full")]
    assert sizes[0] < 0.7 * sizes[1]
    loaded, reference = read_model(tmp_path / "half").load_positions()
    assert {tensor.dtype for tensor in loaded.parameters()} == {reference.dtype} == {torch.float32}
    torch.testing.assert_close(reference, bases, atol=1e-3, rtol=1e-3)
    crops = torch.rand(3, 1, 16, 16, 16)
    similar = torch.cosine_similarity(loaded(crops), network.eval()(crops))
    assert similar.min() > 0.999


@torch.no_grad()
def test_a_crop_embeds_alone_as_in_company(folder):
    network, _ = read_model(folder).load_positions()
    crops = torch.rand(4, 1, 16, 16, 16)
    alone = torch.cat([network(crop[None]) for crop in crops])
    torch.testing.assert_close(alone, network(crops), atol=1e-5, rtol=1e-5)


def test_monai_verifies_the_metadata(folder, tmp_path):
    done = verify(folder, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]


def test_models_without_positions_have_none(model_folder):
    assert "positions" not in json.loads((model_folder / METADATA).read_text())["voco"]
    model = read_model(model_folder)
    assert model.positions is None
    with pytest.raises(VoCoError, match="predicts no positions: choose one"):
        model.load_positions()


def test_it_does_not_segment_and_says_what_to_do(folder):
    with pytest.raises(VoCoError, match="without a segmentation head: fine-tune it first"):
        Segmenter(folder)


def test_pretraining_goes_on_from_it(folder):
    network = position_network(seed=5)
    report = initialise(network, folder)
    assert report.encoder_complete
    assert report.projector == "the projector was loaded"
    source, _ = read_model(folder).load_positions()
    for key, value in source.projector.state_dict().items():
        assert torch.equal(network.projector.state_dict()[key], value), key


def test_a_checkpoint_of_pretraining_is_an_encoder(tmp_path):
    """Its decoder and head are as random as they were at the start."""
    network = position_network()
    state = {f"network.{key}": value for key, value in network.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 0}, tmp_path / "last.ckpt")
    model = model_from_checkpoint(tmp_path / "last.ckpt")
    assert not model.segments
    assert model.load()[1].encoder_complete


def test_the_readme_says_it(folder):
    text = readme(read_model(folder))
    assert "recipe paper, 6 channels" in text
    assert "bases 2 x 2 x 1 of 16 x 16 x 16 voxels" in text
    assert "volumes -175 to 250 HU, cut to the body (> 0.3), 32 x 32 x 16 voxels, 8 bits" in text
    assert "top-1 base: 0.71" in text


def test_positions_in_millimetres():
    volume = dataclasses.replace(
        POSITIONS.volume, size=None, spacing=(1.5, 1.5, 2.0), foreground=None, bits=16
    )
    positions = dataclasses.replace(POSITIONS, volume=volume)
    line = "volumes -175 to 250 HU, voxels of 1.5 x 1.5 x 2 mm, 16 bits"
    assert positions.lines()[-1] == line
    assert Positions.from_json(json.loads(json.dumps(positions.to_json()))) == positions


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.pop("grid"), "does not describe a model"),
        (lambda p: p.pop("recipe"), "does not describe a model"),
        (lambda p: p.update(grid=7), "does not describe a model"),
        (lambda p: p["grid"].update(counts=4), "does not describe a model"),
        (lambda p: p["grid"].update(counts=[2, 2]), "three whole numbers"),
        (lambda p: p["grid"].update(counts=[2, 2, "x"]), None),
        (lambda p: p["grid"].update(crop=[16, 16, 0]), "three whole numbers"),
        (lambda p: p.update(recipe="voco"), "no recipe 'voco'"),
        (lambda p: p.update(recipe=["paper"]), None),
        (lambda p: p.update(width=0), "width"),
        (lambda p: p.update(width="6"), "width"),
        (lambda p: p["volume"].update(bits=7), "bits"),
        (lambda p: p["volume"].update(colour=1), None),
        (lambda p: p.update(volume=None), None),
        (lambda p: p["volume"].update(size=None), "size"),
    ],
)
def test_damaged_positions_are_refused(folder, tmp_path, change, message):
    damaged = shutil.copytree(folder, tmp_path / "damaged")
    values = json.loads((damaged / METADATA).read_text())
    change(values["voco"]["positions"])
    (damaged / METADATA).write_text(json.dumps(values))
    with pytest.raises(VoCoError, match=message) as error:
        read_model(damaged)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [None, [], "grid"])
def test_positions_of_another_kind_are_refused(folder, tmp_path, value):
    damaged = shutil.copytree(folder, tmp_path / "damaged")
    values = json.loads((damaged / METADATA).read_text())
    values["voco"]["positions"] = value
    (damaged / METADATA).write_text(json.dumps(values))
    with pytest.raises(VoCoError, match="does not describe a model"):
        read_model(damaged)


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        (lambda t: t.pop("reference_bases"), "reference_bases"),
        (lambda t: t.update(reference_bases=torch.zeros(9, 6)), "reference_bases"),
        (lambda t: t.pop("projector.norm2.running_var"), "projector.norm2.running_var"),
        (lambda t: t.update({"projector.linear1.bias": torch.zeros(7)}), "projector.linear1.bias"),
    ],
)
def test_damaged_weights_are_refused(folder, tmp_path, change, lost):
    damaged = shutil.copytree(folder, tmp_path / "damaged")
    tensors = load_file(damaged / WEIGHTS)
    change(tensors)
    save_file(tensors, damaged / WEIGHTS)
    with pytest.raises(VoCoError, match=f"lack {lost} of the shape"):
        read_model(damaged).load_positions()


def test_crops_that_the_network_cannot_take(folder, tmp_path):
    changed = shutil.copytree(folder, tmp_path / "changed")
    values = json.loads((changed / METADATA).read_text())
    values["voco"]["positions"]["grid"]["crop"] = [16, 16, 15]
    (changed / METADATA).write_text(json.dumps(values))
    with pytest.raises(VoCoError, match="has a crop of .* needs multiples of 4"):
        read_model(changed).load_positions()


def test_positions_need_their_projector_and_bases(tmp_path):
    model, network, bases = position_model(tmp_path / "m")
    for what, of in ((network.backbone, bases), (network, None), (network, bases[:3])):
        with pytest.raises(ValueError, match="a projector and reference bases"):
            write_model(tmp_path / "other", model, what, reference_bases=of)
    with pytest.raises(ValueError, match="projector"):
        write_model(tmp_path / "other", model, position_network(width=7), reference_bases=bases)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
