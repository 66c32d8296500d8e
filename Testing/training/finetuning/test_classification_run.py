"""Two parts of the body as two categories: from a data list to a model that tells them apart."""

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from Testing.training.finetuning.two_regions import CATEGORIES, SIZE, small_config, write_list
from voco3d.data import Preprocessing, read_image
from voco3d.errors import VoCoError
from voco3d.finetuning.config import Classification, Crops, Optimisation, Validation
from voco3d.finetuning.data_list import read_data_list
from voco3d.finetuning.network import build_start
from voco3d.finetuning.training import finetune, resume
from voco3d.inference import ImageClassifier, Segmenter, classify
from voco3d.metrics.classification import accuracy, macro_auc
from voco3d.models import read_model
from voco3d.training.record import read_rows
from voco3d.training.stopping import Interrupted
from voco3d.weights import read_tensors


def silent_run(config, data: Path, out: Path, **options) -> Path:
    return finetune(config, data, out, say=lambda text: None, **options)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_list(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def run(data, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "parts"
    silent_run(small_config(), data, out)
    return out


def test_cases_that_were_not_seen_are_told_apart(run, data):
    classifier = ImageClassifier(run / "model", "cpu")
    assert classifier.model.categories == CATEGORIES
    for case in read_data_list(data).cases["test"]:
        probabilities = classifier(read_image(case.images[0]))
        assert probabilities.sum() == pytest.approx(1)
        assert probabilities.argmax() == case.category


def test_the_kept_weights_are_those_of_the_best_validation(run, data):
    rows = read_rows(run / "logs/validation.csv")
    assert list(rows[0]) == ["step", "seconds", "mean", "accuracy", "auc"]
    best = max(rows, key=lambda row: row["mean"])
    cases = read_data_list(data).cases["validation"]
    classifier = ImageClassifier(run / "model", "cpu")
    found = np.array([classifier(read_image(case.images[0])) for case in cases])
    reference = np.array([case.category for case in cases])
    assert best["accuracy"] == pytest.approx(accuracy(reference, found))
    assert best["auc"] == pytest.approx(macro_auc(reference, found))
    assert best["mean"] == pytest.approx((best["accuracy"] + best["auc"]) / 2)
    assert best["accuracy"] > 0.5


def test_the_model_says_what_it_is(run, data):
    model = read_model(run / "model")
    assert (model.structures, model.window) == ((), SIZE)
    assert model.preprocessing == small_config().preprocessing
    assert "trunk, headneck" in model.card.task
    assert len(model.card.training["images"]) == 10
    with pytest.raises(VoCoError, match="classifies whole images"):
        Segmenter(run / "model", "cpu")


def test_a_copy_with_other_axes_is_classified_equally(run, data):
    image = read_image(read_data_list(data).cases["test"][0].images[0])
    expected = classify(image, run / "model", device="cpu")
    assert list(expected) == list(CATEGORIES)
    for axes in ("RAS", "ASL", "IRP"):
        turned = sitk.DICOMOrient(image, axes)
        assert classify(turned, run / "model", device="cpu") == expected
    mirrored = sitk.Flip(image, [True, False, False])
    mirrored.CopyInformation(image)
    assert classify(mirrored, run / "model", device="cpu") != expected


def test_a_run_that_was_stopped_and_resumed_ends_as_one_that_was_not(data, tmp_path):
    steps = Optimisation(steps=8, batch=2, warmup=2, learning_rate=1e-2, accumulate=2, average=0.9)
    config = small_config(optimisation=steps, classification=Classification(balanced=True))
    config = replace(config, validation=replace(config.validation, every=2, log_every=1))
    silent_run(config, data, tmp_path / "whole")

    def stop(done: int, total: int, what: str) -> None:
        if what.startswith("training") and done == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        silent_run(config, data, tmp_path / "cut", progress=stop)
    assert not (tmp_path / "cut/model").exists()
    resume(tmp_path / "cut", say=lambda text: None)
    one, other = (
        read_tensors(tmp_path / name / "model/models/model.safetensors").tensors
        for name in ("whole", "cut")
    )
    assert one.keys() == other.keys()
    for key, tensor in one.items():
        torch.testing.assert_close(other[key], tensor, atol=1e-6, rtol=0)
    for record, columns in (
        ("training", ("step", "loss", "learning_rate")),
        ("validation", ("step", "accuracy", "auc")),
    ):
        rows, again = (
            [[row[c] for c in columns] for row in read_rows(tmp_path / n / f"logs/{record}.csv")]
            for n in ("whole", "cut")
        )
        np.testing.assert_allclose(again, rows, atol=1e-5)


def test_a_run_does_not_go_on_with_other_categories_of_its_cases(data, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(data.parent, folder)
    config = small_config(
        optimisation=Optimisation(steps=4, batch=2, warmup=1),
        validation=Validation(every=0, log_every=1, save_every=1),
    )

    def stop(done: int, total: int, what: str) -> None:
        if what.startswith("training"):
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        silent_run(config, folder / "dataset.json", tmp_path / "run", progress=stop)
    content = json.loads(data.read_text())
    first, second, *_ = content["training"]
    first["class"], second["class"] = second["class"], first["class"]
    (folder / "dataset.json").write_text(json.dumps(content))
    with pytest.raises(VoCoError, match="training cases"):
        resume(tmp_path / "run", say=lambda text: None)


def test_a_model_of_the_same_categories_gives_its_classifier_too(run, data):
    init = small_config(init=str(run / "model"))
    weights = read_tensors(run / "model/models/model.safetensors").tensors
    start = build_start(init, 1, 1, CATEGORIES)
    torch.testing.assert_close(start.network.classifier.weight, weights["classifier.weight"])
    torch.testing.assert_close(
        start.backbone.state_dict()["bottleneck.conv1.conv.weight"],
        weights["bottleneck.conv1.conv.weight"],
    )
    other = build_start(init, 1, 1, ("headneck", "trunk"))
    assert not torch.equal(other.network.classifier.weight, weights["classifier.weight"])


def test_a_frozen_encoder_stays_as_it_was(data, run, tmp_path):
    options = Optimisation(steps=2, batch=2, warmup=0, learning_rate=1e-2, frozen_steps=None)
    config = small_config(init=str(run / "model"), optimisation=options)
    silent_run(config, data, tmp_path / "run")
    before, after = (
        read_tensors(folder / "models/model.safetensors").tensors
        for folder in (run / "model", tmp_path / "run/model")
    )
    network = build_start(config, 1, 1, CATEGORIES).backbone
    changed = {key for key, tensor in after.items() if not torch.equal(tensor, before[key])}
    assert "classifier.weight" in changed
    assert not any(network.is_encoder_key(key) for key in changed)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"preprocessing": Preprocessing((3, 3, 3), (-1, 1))}, "set preprocessing.size"),
        ({"task": "segmentation", "preprocessing": Preprocessing((3, 3, 3), (-1, 1))}, "has categ"),
        (
            {"preprocessing": Preprocessing(None, (-1, 1), False, (18, 16, 16))},
            "preprocessing.size multiples of 4",
        ),
    ],
)
def test_options_that_do_not_go_together_are_refused(data, tmp_path, changes, says):
    with pytest.raises(VoCoError, match=says):
        silent_run(small_config(**changes), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_lists_that_do_not_go_together_are_refused(data, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(data.parent, folder)
    text = data.read_text()
    for old, new, says in (
        ('["trunk", "headneck"]', '["trunk", "headneck", "leg"]', "no training case of leg"),
        ('["trunk", "headneck"]', '["trunk"]', "two categories or more"),
        ('["trunk", "headneck"]', '["trunk", "Trunk"]', "each once"),
        ('"categories": ["trunk", "headneck"]', '"labels": {"1": "spleen"}', "labelled training"),
        ('"class": "trunk"', '"class": "leg"', "class leg: choose from trunk, headneck"),
    ):
        (folder / "dataset.json").write_text(text.replace(old, new))
        with pytest.raises(VoCoError, match=says):
            silent_run(small_config(crops=Crops()), folder / "dataset.json", tmp_path / "run")
