"""The worker with a small model: what it gives, how fast, and what it refuses."""

import hashlib
import json
import math
import re
import time
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from Testing.conftest import small_model
from Testing.training.inference.test_segmentation import ROTATION, same_grid
from Testing.training.models.region_model import channels_of, region_model
from voco3d.inference import Region, Segmenter
from voco3d.inference.estimate import Cost, Header, estimate
from voco3d.models import read_model


def header_of(image):
    return {
        "size": list(image.GetSize()),
        "spacing": list(image.GetSpacing()),
        "origin": list(image.GetOrigin()),
        "direction": list(image.GetDirection()),
    }


def oblique(image):
    turned = sitk.Image(image)
    direction = ROTATION @ np.array(image.GetDirection()).reshape(3, 3)
    turned.SetDirection(direction.ravel().tolist())
    turned.SetOrigin((123.0, -45.0, 67.0))
    return turned


def box_around(image, share=0.4):
    """A turned box in the middle of an image."""
    middle = image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])
    sides = [share * n * s for n, s in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    matrix = np.eye(4)
    matrix[:3, :3] = ROTATION.T * sides
    matrix[:3, 3] = middle
    return {"matrix": matrix.ravel().tolist()}


@pytest.fixture(scope="module")
def model(model_folder):
    return str(model_folder)


@pytest.fixture
def segment(worker, ct, tmp_path, model):
    """Segment the phantom; give the answer and the label map."""

    def run(image=None, **params):
        files = [str(ct)]
        if image is not None:
            files = [str(tmp_path / "image.nrrd")]
            sitk.WriteImage(image, files[0])
        params = {"images": files, "output": str(tmp_path / "r.seg.nrrd"), "model": model} | params
        result = worker.result("segment", **params)
        assert not list(tmp_path.glob(".part*"))
        return result, sitk.ReadImage(result["output"])

    return run


def test_hello_says_what_it_is(worker):
    hello = worker.result("hello")
    assert hello["protocol"] == 1
    assert set(hello["versions"]) == {"voco3d", "python", "torch", "monai", "numpy", "SimpleITK"}
    assert all(hello["versions"].values())
    cpu = hello["devices"][-1]
    assert cpu["name"] == "cpu"
    assert cpu["title"]
    assert cpu["memory"] > 0
    assert 2**28 < cpu["total"] < 2**50
    assert hello["threads"] >= 1


def test_models_lists_those_that_are_installed(worker):
    models = {model["name"]: model for model in worker.result("models")}
    organs, positions = models["headneck-oar"], models["headneck-voco"]
    assert organs["structures"][0] == {
        "label": 1,
        "name": "brainstem",
        "color": list(read_model(Path(organs["path"])).structures[0].color),
    }
    assert re.match(r"mean Dice 0\.\d\d \(16 ", organs["results"])
    assert (organs["segments"], organs["positions"], organs["fault"]) == (True, False, None)
    assert (positions["segments"], positions["positions"], positions["fault"]) == (
        False,
        True,
        None,
    )
    assert (organs["reference"], organs["grid"]) == (False, None)
    assert (positions["reference"], positions["grid"]) == (True, [4, 4, 1])
    for key in ("task", "description", "data", "licence", "authors"):
        assert organs[key]


def test_a_model_is_described_by_its_name_its_folder_and_its_checkpoint(worker, model):
    by_folder = worker.result("model", model=model)
    assert by_folder["path"] == model
    assert [s["name"] for s in by_folder["structures"]] == ["brainstem", "right parotid gland"]
    by_name = worker.result("model", model="headneck-voco")
    assert by_name["path"].endswith("headneck-voco")
    checkpoint = worker.result("model", model=f"{model}/models/model.safetensors")
    assert [s["name"] for s in checkpoint["structures"]] == ["class 1", "class 2"]
    assert checkpoint["segments"]


def test_a_model_that_does_not_fit_is_refused_with_the_reason(worker, tmp_path):
    assert worker.error("model", model=str(tmp_path))[0] == 1
    assert "not a model folder" in worker.error("model", model=str(tmp_path))[1]
    made = small_model(tmp_path / "damaged")
    with made.weights.open("r+b") as weights:
        weights.truncate(1000)
    code, sentence = worker.error("model", model=str(tmp_path / "damaged"))
    assert code == 1
    assert "damaged" in sentence


def test_a_broken_model_is_listed_with_its_fault(tmp_path, monkeypatch):
    from voco3d.worker import models

    small_model(tmp_path / "good")
    small_model(tmp_path / "broken").weights.unlink()
    monkeypatch.setenv("VOCO_MODELS", str(tmp_path))
    listed = {model["name"]: model for model in models.models()}
    assert listed["good"]["fault"] is None
    assert "lacks its weights" in listed["broken"]["fault"]
    assert set(listed["good"]) == set(listed["broken"])


def test_a_segmentation_is_that_of_the_library(segment, phantom, model):
    result, labels = segment()
    expected = Segmenter(model)(phantom.image)
    assert np.array_equal(sitk.GetArrayFromImage(labels), sitk.GetArrayFromImage(expected))
    assert same_grid(labels, phantom.image)
    assert result["notes"] == []
    assert labels.GetMetaData("Segment1_Name") == "right parotid gland"


def test_each_structure_is_measured(segment, phantom):
    result, labels = segment()
    voxels, hu = map(sitk.GetArrayFromImage, (labels, phantom.image))
    assert [row["label"] for row in result["structures"]] == [1, 2]
    for row in result["structures"]:
        mask = voxels == row["label"]
        assert row["voxels"] == mask.sum()
        assert row["volume_ml"] == pytest.approx(mask.sum() * 6**3 / 1000)
        assert row["mean_hu"] == pytest.approx(hu[mask].mean(), abs=1e-3)
        inner = np.zeros_like(mask)
        inner[1:-1, 1:-1, 1:-1] = True
        assert row["touches_border"] == (mask & ~inner).any()
        assert row["name"] in ("brainstem", "right parotid gland")
        assert len(row["color"]) == 3


def test_the_result_says_where_it_comes_from(segment, model):
    before = datetime.now(timezone.utc).replace(microsecond=0)
    result, _ = segment(overlap=0.5, structures=["Brainstem"])
    source = result["provenance"]
    weights = read_model(Path(model)).weights.read_bytes()
    assert source["hash"] == hashlib.sha256(weights).hexdigest()
    assert (source["model"], source["device"], source["overlap"]) == ("small", "cpu", 0.5)
    assert source["structures"] == ["brainstem"]
    assert source["versions"]["torch"]
    assert before <= datetime.fromisoformat(source["date"]) <= datetime.now(timezone.utc)
    assert 0 < result["seconds"] < 60


def test_only_the_structures_asked_for(segment):
    _, everything = segment()
    result, labels = segment(structures=["Right parotid gland"])
    expected = sitk.GetArrayFromImage(everything)
    expected[expected != 2] = 0
    assert np.array_equal(sitk.GetArrayFromImage(labels), expected)
    assert [row["name"] for row in result["structures"]] == ["right parotid gland"]


@pytest.mark.parametrize("change", ["oblique", "flipped", "turned axes"])
@pytest.mark.parametrize("limited", [False, True])
def test_the_result_lies_on_the_images_own_grid(segment, phantom, model, change, limited):
    image = {
        "oblique": oblique,
        "flipped": lambda image: sitk.Flip(image, (True, False, True)),
        "turned axes": lambda image: sitk.DICOMOrient(image, "SAR"),
    }[change](phantom.image)
    region = box_around(image) if limited else None
    _, labels = segment(image, region=region)
    expected = Segmenter(model)(
        image, region=None if region is None else Region(tuple(region["matrix"]))
    )
    assert same_grid(labels, image)
    assert np.array_equal(sitk.GetArrayFromImage(labels), sitk.GetArrayFromImage(expected))
    assert sitk.GetArrayFromImage(labels).any()


def test_several_channels_and_regions(segment, phantom, tmp_path):
    tumor = region_model(tmp_path / "tumor")
    channels = channels_of(phantom.image)
    files = [str(tmp_path / f"{index}.nrrd") for index in range(len(channels))]
    for channel, file in zip(channels, files, strict=True):
        sitk.WriteImage(channel, file)
    result, layers = segment(images=files, model=str(tmp_path / "tumor"))
    labels = sitk.GetArrayFromImage(Segmenter(tumor)(channels))
    masks = tumor.regions.masks_of(labels)
    found = np.moveaxis(sitk.GetArrayFromImage(layers), -1, 0)
    assert np.array_equal(found, masks)
    assert [row["voxels"] for row in result["structures"]] == [mask.sum() for mask in masks]
    hu = sitk.GetArrayFromImage(channels[0])
    assert [row["mean_hu"] for row in result["structures"]] == pytest.approx(
        [hu[mask].mean() for mask in masks], rel=1e-4
    )


def test_a_structure_that_is_not_there_has_no_mean(segment, phantom):
    region = np.diag([0.1, 0.1, 0.1, 1.0])
    region[:3, 3] = phantom.image.TransformIndexToPhysicalPoint((0, 0, 0))
    result, _ = segment(region={"matrix": region.ravel().tolist()})
    empty = [row for row in result["structures"] if not row["voxels"]]
    assert empty
    assert all(row["mean_hu"] is None and row["volume_ml"] == 0 for row in empty)


def test_progress_goes_from_loading_to_writing(worker, segment):
    before = len(worker.messages)
    segment(overlap=0.6)
    reports = [m["params"] for _, m in worker.messages[before:] if m.get("method") == "progress"]
    order = list(dict.fromkeys(report["what"] for report in reports))
    assert order == [
        "loading the model",
        "reading",
        "preparing",
        "segmenting",
        "placing on the image",
        "measuring",
        "writing",
    ]
    windows = [report for report in reports if report["what"] == "segmenting"]
    assert [report["done"] for report in windows] == list(range(windows[0]["total"] + 1))
    assert all(report["seconds_left"] is not None for report in windows[1:])
    assert windows[-1]["seconds_left"] < windows[1]["seconds_left"]


def test_a_second_run_computes_within_a_second(worker, segment):
    segment()
    before = len(worker.messages)
    started = time.monotonic()
    segment()
    first = next(
        when
        for when, m in worker.messages[before:]
        if m.get("method") == "progress" and m["params"]["what"] == "segmenting"
    )
    assert first - started < 1


def test_the_model_is_let_go_after_idle_time_and_comes_back(worker, segment):
    segment()
    size = len(worker.log.read_text())
    end = time.monotonic() + 15
    while "let go" not in worker.log.read_text()[size:] and time.monotonic() < end:
        time.sleep(0.1)
    assert "let go" in worker.log.read_text()[size:]
    segment()


def test_cancel_between_windows_leaves_no_file(worker, ct, tmp_path, model):
    params = {"images": [str(ct)], "output": str(tmp_path / "r.seg.nrrd"), "model": model}
    id = worker.ask("segment", **params, overlap=0.95)
    worker.wait(
        lambda m: (
            m.get("method") == "progress"
            and m["params"]["id"] == id
            and m["params"]["what"] == "segmenting"
            and m["params"]["done"] > 1
        )
    )
    started = time.monotonic()
    assert worker.result("cancel", id=id) == {"cancelled": True}
    assert worker.answer(id)["error"]["code"] == 2
    assert time.monotonic() - started < 2
    assert not list(tmp_path.iterdir())
    assert worker.result("segment", **params)["structures"]


def test_quick_requests_are_answered_while_a_job_runs(worker, ct, tmp_path, model, phantom):
    params = {"images": [str(ct)], "output": str(tmp_path / "r.seg.nrrd"), "model": model}
    id = worker.ask("segment", **params, overlap=0.95)
    worker.started(id)
    assert worker.result("hello")["protocol"] == 1
    grid = header_of(phantom.image)
    assert worker.result("estimate", image=grid, model=model, device="cpu")["windows"] > 1
    assert worker.error("segment", **params)[0] == 3
    assert not [m for _, m in worker.messages if m.get("id") == id and "method" not in m]
    worker.result("cancel", id=id)
    assert worker.answer(id)["error"]["code"] == 2


def test_an_estimate(worker, phantom, model):
    whole = worker.result(
        "estimate", image=header_of(phantom.image), model=model, device="cpu", overlap=0.5
    )
    assert set(whole) == {
        "memory",
        "available",
        "seconds",
        "windows",
        "fits",
        "smaller_windows",
        "advice",
    }
    assert whole["fits"]
    assert whole["advice"] == []
    part = worker.result(
        "estimate",
        image=header_of(phantom.image),
        model=model,
        device="auto",
        overlap=0.5,
        region=box_around(phantom.image, 0.1),
    )
    assert part["windows"] < whole["windows"]
    huge = header_of(phantom.image) | {"size": [20_000, 20_000, 20_000]}
    too_much = worker.result("estimate", image=huge, model=model, device="cpu")
    assert not too_much["fits"]
    assert any("region of interest" in sentence for sentence in too_much["advice"])


def test_small_windows(worker, ct, tmp_path, phantom, model):
    asked = {"image": header_of(phantom.image), "model": model, "device": "cpu", "overlap": 0.0}
    usual = worker.result("estimate", **asked)
    small = worker.result("estimate", **asked, small_windows=True)
    assert usual["smaller_windows"]
    assert not small["smaller_windows"]
    assert small["windows"] > usual["windows"]
    assert small["memory"] < usual["memory"]
    totals = []
    for choice in (False, True):
        params = {"images": [str(ct)], "output": str(tmp_path / "r.seg.nrrd"), "model": model}
        id = worker.ask("segment", **params, overlap=0.0, small_windows=choice)
        assert worker.answer(id)["result"]["structures"]
        told = [m["params"] for _, m in worker.messages if m.get("method") == "progress"]
        steps = [p["total"] for p in told if p["id"] == id and p["what"] == "segmenting"]
        totals.append(max(steps))
    assert totals[1] > totals[0]


def test_an_estimate_knows_how_the_axes_lie(worker, phantom, model):
    image = sitk.DICOMOrient(phantom.image[:, :30, 5:], "SAR")
    grid = header_of(image)
    region = np.diag([180.0, 40.0, 60.0, 1.0])
    region[:3, 3] = image.TransformContinuousIndexToPhysicalPoint([n / 2 for n in image.GetSize()])
    matrix = region.ravel().tolist()
    params = {"model": model, "device": "cpu", "overlap": 0.5, "region": {"matrix": matrix}}
    found = worker.result("estimate", image=grid, **params)
    expected = estimate(
        Header(*(tuple(grid[key]) for key in ("size", "spacing", "origin", "direction"))),
        read_model(Path(model)),
        torch.device("cpu"),
        Cost(1.0, 1, 1, 1.0),
        0.5,
        Region(tuple(matrix)),
    )
    assert found["windows"] == expected.windows > 1


WRONG = [
    {"images": []},
    {"images": "ct.nrrd"},
    {"images": [3]},
    {"output": None},
    {"output": "result.nii.gz"},
    {"model": None},
    {"model": 3},
    {"device": 3},
    {"threads": 0},
    {"threads": 1.5},
    {"overlap": "much"},
    {"small_windows": 1},
    {"overlap": True},
    {"structures": "brainstem"},
    {"region": []},
    {"region": {"matrix": [1, 2, 3]}},
    {"region": {"matrix": ["1"] * 16}},
    {"region": {"matrix": [1] * 16, "more": 1}},
    {"speed": "fast"},
]


@pytest.mark.parametrize("change", WRONG, ids=json.dumps)
def test_wrong_params_are_refused(worker, ct, tmp_path, model, change):
    params = {"images": [str(ct)], "output": str(tmp_path / "r.seg.nrrd"), "model": model}
    code, sentence = worker.error("segment", **params | change)
    assert code == (1 if change.get("region", {}) == WRONG[-2]["region"] else -32602)
    assert next(iter(change)) in sentence or "matrix" in sentence
    assert not list(tmp_path.iterdir())


FAULTS = {
    "no image": ({"images": ["/none.nrrd"]}, "does not exist"),
    "two images": ({"images": ["{ct}", "{ct}"]}, "takes one image, but 2 were given"),
    "no model": ({"model": "nothing"}, "There is no model 'nothing'"),
    "no segmentation": ({"model": "headneck-voco"}, "without a segmentation head"),
    "device": ({"device": "tpu"}, "no device 'tpu'"),
    "overlap": ({"overlap": 1}, "overlap must be from 0 to below 1"),
    "structure": ({"structures": ["spleen"]}, "no class 'spleen'"),
    "no structure": ({"structures": []}, "no class without a name"),
    "folder": ({"output": "/none/r.seg.nrrd"}, "does not exist"),
    "flat region": ({"region": {"matrix": [0] * 15 + [1]}}, "no volume"),
    "far region": (
        {"region": {"matrix": [1, 0, 0, 9000, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]}},
        "holds no voxel of the image",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_a_user_can_do_wrong_is_one_sentence(worker, ct, tmp_path, model, name):
    change, expected = FAULTS[name]
    change = json.loads(json.dumps(change).replace("{ct}", str(ct)))
    params = {"images": [str(ct)], "output": str(tmp_path / "r.seg.nrrd"), "model": model}
    code, sentence = worker.error("segment", **params | change)
    assert code == 1
    assert expected in sentence
    assert not list(tmp_path.iterdir())


def test_an_older_result_stays_when_the_new_one_fails(worker, ct, tmp_path, model):
    output = tmp_path / "r.seg.nrrd"
    output.write_bytes(b"older")
    params = {"images": [str(ct)], "output": str(output), "model": model}
    assert worker.error("segment", **params, structures=["spleen"])[0] == 1
    assert output.read_bytes() == b"older"


def test_the_log_names_no_image(worker, segment):
    segment()
    assert worker.error("segment", images=["/Doe.nrrd"], output="/a.seg.nrrd", model="x")[0] == 1
    log = worker.log.read_text()
    assert "Doe" not in log
    assert "nrrd" not in log
    assert math.isfinite(len(log))
