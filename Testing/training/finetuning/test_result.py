"""What a run leaves: a model folder that every other part of the package takes."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from monai.bundle import verify_metadata

from Testing.conftest import STRUCTURES
from Testing.training.finetuning.small_run import STEPS, changed, unsaid
from Testing.training.finetuning.tiny_cases import write_cases
from Testing.training.models.test_bundle import SCHEMA
from voco3d.cli import main
from voco3d.data.cache.sources import sha256
from voco3d.finetuning import structures
from voco3d.finetuning.config_file import FINETUNING
from voco3d.finetuning.data_list import read_data_list
from voco3d.finetuning.monitor import best_row
from voco3d.finetuning.structures import structures_of
from voco3d.finetuning.training import finetune
from voco3d.inference import Segmenter
from voco3d.metrics.leaks import check_leaks
from voco3d.models import read_model
from voco3d.models.folder import METADATA
from voco3d.models.structures import LEFT, RIGHT
from voco3d.models.training_images import HASH_DIGITS
from voco3d.training.checkpoints import LAST, read_checkpoint
from voco3d.weights import read_tensors


def test_the_model_segments_at_once(whole, cases, tmp_path):
    image = read_data_list(cases).cases["validation"][0].images[0]
    output = tmp_path / "labels.seg.nrrd"
    arguments = [str(image), str(output), "--model", str(whole / "model"), "--device", "cpu"]
    assert main(["segment", *arguments, "--progress", "none"]) == 0
    assert sitk.ReadImage(str(output)).GetSize() == sitk.ReadImage(str(image)).GetSize()
    labels = Segmenter(whole / "model", "cpu")(sitk.ReadImage(str(image)))
    assert set(np.unique(sitk.GetArrayViewFromImage(labels))) <= {0, 1, 2, 3}


def test_monai_verifies_its_metadata(whole, tmp_path):
    schema = shutil.copy(SCHEMA, tmp_path / "schema.json")
    verify_metadata(meta_file=str(whole / "model" / METADATA), filepath=schema)


def test_it_says_how_images_are_prepared_and_what_labels_mean(whole, cases):
    model = read_model(whole / "model")
    _, config = FINETUNING.read(whole / "config.yaml")
    assert model.name == whole.name
    assert (model.preprocessing, model.window) == (config.preprocessing, config.crops.size)
    assert model.overlap == config.result.overlap
    assert tuple(s.name for s in model.structures) == read_data_list(cases).structures
    assert model.structures == structures_of(read_data_list(cases).structures)
    assert (model.regions, model.categories) == (None, ())
    assert not model.largest_component


def test_its_weights_are_those_of_the_average_at_the_best_validation(whole):
    """And not the last ones, nor those of the network itself."""
    checkpoint = read_checkpoint(whole / "checkpoints" / LAST)
    best = checkpoint["callbacks"]["Monitor"]["best"]
    stored = read_tensors(whole / "model" / "models" / "model.safetensors").tensors
    assert {key: v.numpy().tobytes() for key, v in stored.items()} == {
        key: v.numpy().tobytes() for key, v in best.items()
    }
    state = checkpoint["state_dict"]
    key = next(key for key in stored if key.endswith("conv.weight"))
    last = best_row(whole)["step"] == STEPS
    assert (stored[key].equal(state[f"average.average.{key}"])) == last
    assert not stored[key].equal(state[f"network.{key}"])


def test_its_card_names_all_images_that_it_has_seen(whole, cases):
    """For training and validation, and those of the model that it started from."""
    training = read_model(whole / "model").card.training
    data = read_data_list(cases)
    seen = [*data.cases["training"], *data.cases["validation"]]
    own = [sha256(case.images[0])[:HASH_DIGITS] for case in seen]
    assert training["images"] == sorted(["ab" * 8, *own])
    assert training["optimisation"]["steps"] == STEPS


def test_its_card_holds_the_best_figures_as_strict_json(whole):
    text = (whole / "model" / METADATA).read_text()
    json.loads(text, parse_constant=lambda name: pytest.fail(name))
    card = read_model(whole / "model").card
    figures = card.results["validation (the weights were chosen on it)"]
    best = best_row(whole)
    assert figures["step"] == best["step"]
    assert figures["mean"] == pytest.approx(best["mean"], abs=1e-4)
    assert "on 3 labelled images, chosen on 3" in card.description
    assert "the weights encoder" in card.description


def test_a_figure_that_is_none_is_left_out(tmp_path):
    data = write_cases(tmp_path / "data", training=2)
    content = json.loads(data.read_text())
    content["validation"][0]["classes"] = ["cord"]
    data.write_text(json.dumps(content))
    config = changed("validation", changed("optimisation", steps=2, warmup=0), every=2)
    model = finetune(config, data, tmp_path / "run", unsaid)
    json.loads((model / METADATA).read_text(), parse_constant=lambda name: pytest.fail(name))
    figures = read_model(model).card.results["validation (the weights were chosen on it)"]
    assert set(figures) == {"step", "mean", "cord"}


@pytest.mark.parametrize("part", ["training", "validation"])
def test_evaluate_refuses_to_judge_it_on_images_that_it_has_seen(
    whole, cases, part, tmp_path, capsys
):
    case = read_data_list(cases).cases[part][0]
    pair = [str(shutil.copy(case.label, tmp_path / "prediction.nii.gz")), str(case.label)]
    arguments = [
        "evaluate",
        *pair,
        "--model",
        str(whole / "model"),
        "--images",
        str(case.images[0]),
    ]
    assert main([*arguments, "--strict", "--progress", "none"]) == 2
    assert "was trained on 1 of the images" in capsys.readouterr().err
    assert main([*arguments, "--progress", "none"]) == 0
    assert "warning: the model whole was trained on" in capsys.readouterr().err


def test_evaluate_judges_it_on_other_images(whole, tmp_path):
    data = read_data_list(write_cases(tmp_path / "data", test=1))
    case = data.cases["test"][0]
    (tmp_path / "new.nii.gz").write_bytes(case.images[0].read_bytes() + b"\0")
    prediction = str(shutil.copy(case.label, tmp_path / "prediction.nii.gz"))
    images = ["--images", str(tmp_path / "new.nii.gz")]
    arguments = [
        prediction,
        str(case.label),
        *images,
        "--model",
        str(whole / "model"),
        "--strict",
        "--progress",
        "none",
    ]
    assert main(["evaluate", *arguments]) == 0


def test_regions_segment_too(tmp_path):
    labels = {"background": 0, "glands": [1, 2], "left gland": [2], "cord": [3]}
    data = write_cases(tmp_path / "data", training=2, labels=labels, channels=2)
    config = changed("optimisation", steps=2, warmup=0)
    model = read_model(finetune(config, data, tmp_path / "run", unsaid))
    assert model.regions.members == ((1, 2), (2,), (3,))
    assert model.regions.written == (1, 2, 3)
    assert (model.network.in_channels, model.network.out_channels) == (2, 3)
    case = read_data_list(data).cases["validation"][0]
    images = [sitk.ReadImage(str(path)) for path in case.images]
    found = np.unique(sitk.GetArrayFromImage(Segmenter(model, "cpu")(images)))
    assert set(found) <= {0, 1, 2, 3}


def test_half_precision_and_the_largest_component_are_the_models(tmp_path):
    data = write_cases(tmp_path / "data", training=1)
    config = changed("result", half=True, largest_component=True, overlap=0.25)
    config = changed("optimisation", config, steps=1, warmup=0)
    model = read_model(finetune(config, data, tmp_path / "run", unsaid))
    assert model.largest_component
    assert model.overlap == 0.25
    assert {str(t.dtype) for t in read_tensors(model.weights).tensors.values()} == {"torch.float16"}


def test_structures_have_codes_colours_and_sides_of_their_own():
    names = [
        "right gland",
        "left gland",
        "left ventricle",
        "a very long name of one",
        "a very long name of two",
        "Spleen",
        "spine",
    ]
    structures = structures_of(names)
    assert [s.name.casefold() for s in structures] == [name.casefold() for name in names]
    assert len({s.color for s in structures}) == len(names)
    assert len({(s.type.scheme, s.type.value) for s in structures}) == len(names)
    for structure in structures:
        assert re.fullmatch(r"\S{1,16}", structure.type.value)
    assert [s.modifier for s in structures[:3]] == [RIGHT, LEFT, None]
    assert structures[5].type.scheme == "SCT"


def test_the_codes_of_a_bundled_model_are_taken():
    known = structures_of(["Brainstem", "mandible"])
    assert [s.type.scheme for s in known] == ["SCT", "SCT"]
    assert STRUCTURES[0].type == known[0].type


def test_a_damaged_bundled_model_lends_no_codes_and_stops_nothing(tmp_path, monkeypatch):
    bundled = shutil.copytree(structures.bundled_folder(), tmp_path / "bundled")
    monkeypatch.setattr(structures, "bundled_folder", lambda: bundled)
    assert structures_of(["mandible"])[0].type.scheme == "SCT"
    (bundled / "headneck-oar" / "models" / "model.safetensors").unlink()
    mandible, spleen = structures_of(["mandible", "spleen"])
    assert mandible.type.scheme == "99VOCO"
    assert spleen.type.scheme == "SCT"


def test_a_start_that_does_not_say_what_it_has_seen_is_remembered(cases, whole, tmp_path):
    silent = tmp_path / "silent.safetensors"
    shutil.copy(whole / "model" / "models" / "model.safetensors", silent)
    quick = changed("optimisation", steps=1, warmup=0)
    model = read_model(finetune(replace(quick, init=str(silent)), cases, tmp_path / "run", unsaid))
    assert not check_leaks(model, [], []).stated
    assert check_leaks(read_model(whole / "model"), [], []).stated
