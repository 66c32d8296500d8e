"""The requests ``positions`` and ``sweep``."""

import json
import time

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.training.positions.pictures import middle_of, noise, place_of
from Testing.training.worker.cancelling import job_cancelled_at
from voco3d.positions import Positioner
from voco3d.worker.job import CancelledError
from voco3d.worker.locating import sweep
from voco3d.worker.opened import OpenImages
from voco3d.worker.params import Params

STORED = ("as scanned", "flipped", "oblique")


@pytest.fixture(params=STORED)
def stored(request, tmp_path):
    """An image whose voxels are stored in some order, and its file."""
    image = noise((30, 26, 22), oblique=request.param == "oblique")
    if request.param == "flipped":
        image = sitk.DICOMOrient(image, "SAR")
    file = tmp_path / "image.nrrd"
    sitk.WriteImage(image, str(file))
    return image, str(file)


@pytest.fixture
def ask(positions_model, image_file):
    """The params of a question."""
    return {"image": image_file, "model": str(positions_model.folder), "device": "cpu"}


def test_places_are_ras_both_ways(worker, stored, positions_model):
    image, file = stored
    places = [middle_of(image).tolist(), place_of(image, (4, 20, 7)).tolist()]
    model = str(positions_model.folder)
    found = worker.result("positions", image=file, model=model, crops=places)
    opened = Positioner(model, "cpu").open(image)
    expected = opened.report(opened.locate(places)).to_plain()
    for crop, place, other in zip(found["crops"], places, expected["crops"], strict=True):
        assert crop["asked"] == pytest.approx(place)
        for key in ("centre", "place", "overlaps"):
            assert crop[key] == pytest.approx(other[key], abs=1e-3)
        assert crop["predicted"] == pytest.approx(other["predicted"], abs=1e-4)
    for one, other in zip(found["bases"]["centres"], expected["bases"]["centres"], strict=True):
        assert one == pytest.approx(other)


def test_a_further_crop_does_not_embed_the_bases_again(worker, ask, image):
    first = worker.result("positions", **ask, grid=[3, 2, 1], crops=[])
    assert first["crops"] == []
    assert first["bases"]["counts"] == [3, 2, 1]
    id = worker.ask("positions", **ask, grid=[3, 2, 1], crops=[middle_of(image).tolist()])
    assert worker.answer(id)["result"]["bases"] == first["bases"]
    assert {report["what"] for _, report in worker.told("progress", id)} == {"embedding crops"}
    assert worker.result("positions", **ask, crops=[])["bases"]["counts"] == [2, 2, 1]
    id = worker.ask("positions", **ask, grid=[2, 2, 1], crops=[])
    worker.answer(id)
    assert worker.told("progress", id) == []


def test_another_image_under_the_same_name_is_read_again(worker, ask, image, tmp_path):
    file = tmp_path / "image.nrrd"
    ask = ask | {"image": str(file), "crops": [middle_of(image).tolist()]}
    sitk.WriteImage(image, str(file))
    first = worker.result("positions", **ask)
    sitk.WriteImage(sitk.Clamp(image, upperBound=0.0), str(file))
    assert worker.result("positions", **ask)["crops"] != first["crops"]


def test_a_further_crop_with_the_bundled_model_takes_no_time_to_speak_of(worker, ct, phantom):
    ask = {"image": str(ct), "model": "headneck-voco", "crops": [middle_of(phantom.image).tolist()]}
    worker.result("positions", **ask)
    seconds = []
    for _ in range(5):
        started = time.monotonic()
        worker.result("positions", **ask)
        seconds.append(time.monotonic() - started)
    assert min(seconds) < 0.3


def test_a_sweep_lies_where_its_crops_do(worker, stored, positions_model, tmp_path):
    image, file = stored
    chosen, errors = tmp_path / "chosen.nrrd", tmp_path / "errors.nrrd"
    model = str(positions_model.folder)
    ask = {"image": file, "model": model, "grid": [2, 3, 2]}
    outputs = {"chosen": str(chosen), "errors": str(errors)}
    result = worker.result("sweep", **ask, **outputs, step=0.5)
    expected = Positioner(model, "cpu").open(image, counts=(2, 3, 2)).sweep(0.5)
    numbers, distances = (sitk.ReadImage(str(output)) for output in (chosen, errors))
    assert numbers.GetPixelID() == sitk.sitkUInt8
    assert distances.GetPixelID() == sitk.sitkFloat32
    assert tuple(result["shape"]) == numbers.GetSize() == distances.GetSize() == expected.shape
    for index in np.ndindex(*expected.shape):
        crop = expected.crops[np.ravel_multi_index(index, expected.shape)]
        assert numbers[index] == crop.chosen
        assert distances[index] == pytest.approx(crop.distance, abs=0.01)
        for written in (numbers, distances):
            assert place_of(written, index) == pytest.approx(np.array(crop.centre), abs=1e-3)
    assert result["top1"] == pytest.approx(np.mean([crop.right for crop in expected.crops]))
    median = np.median([crop.distance for crop in expected.crops])
    assert result["median_distance"] == pytest.approx(median, abs=0.01)
    assert b"encoding: raw" in chosen.read_bytes()[:600]
    assert {path.name for path in tmp_path.iterdir()} == {
        "image.nrrd",
        "chosen.nrrd",
        "errors.nrrd",
    }


def test_more_bases_than_a_byte_counts(worker, ask, tmp_path):
    outputs = {"chosen": str(tmp_path / "c.nrrd"), "errors": str(tmp_path / "e.nrrd")}
    worker.result("sweep", **ask, **outputs, step=1, grid=[8, 8, 5])
    assert sitk.ReadImage(outputs["chosen"]).GetPixelID() == sitk.sitkUInt16


def test_a_sweep_reports_the_time_left_and_can_be_cancelled(worker, ask, tmp_path):
    outputs = {"chosen": str(tmp_path / "c.nrrd"), "errors": str(tmp_path / "e.nrrd")}
    (tmp_path / "c.nrrd").write_bytes(b"older")
    id = worker.ask("sweep", **ask, **outputs, step=0.01, grid=[4, 4, 4])
    worker.wait(
        lambda m: (
            m.get("method") == "progress"
            and m["params"]["id"] == id
            and m["params"]["what"] == "embedding crops"
            and m["params"]["seconds_left"] is not None
        )
    )
    for method, params in (("positions", ask | {"crops": []}), ("sweep", ask | outputs)):
        assert worker.error(method, **params)[0] == 3
    started = time.monotonic()
    assert worker.result("cancel", id=id) == {"cancelled": True}
    assert worker.answer(id)["error"]["code"] == 2
    assert time.monotonic() - started < 2
    assert {path.name for path in tmp_path.iterdir()} == {"c.nrrd"}
    assert (tmp_path / "c.nrrd").read_bytes() == b"older"
    worker.result("sweep", **ask, **outputs, step=1)
    assert {path.name for path in tmp_path.iterdir()} == {"c.nrrd", "e.nrrd"}


def test_a_sweep_that_is_cancelled_while_it_writes_leaves_no_file(ask, tmp_path):
    outputs = {"chosen": str(tmp_path / "c.nrrd"), "errors": str(tmp_path / "e.nrrd")}
    params, job = Params(ask | outputs | {"step": 1}), job_cancelled_at("sweep", "writing")
    with pytest.raises(CancelledError):
        sweep(params, job, OpenImages(10.0))
    assert not list(tmp_path.iterdir())


SHARED = [
    ({"image": None}, -32602),
    ({"model": 3}, -32602),
    ({"grid": [4, 4]}, -32602),
    ({"grid": [0, 4, 1]}, -32602),
    ({"more": 1}, -32602),
    ({"image": "/none.nrrd"}, 1),
    ({"model": "nothing"}, 1),
    ({"device": "tpu"}, 1),
]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        *SHARED,
        ({"crops": None}, -32602),
        ({"crops": [[1, 2]]}, -32602),
        ({"crops": [3]}, -32602),
        ({"crops": [[9000, 0, 0]]}, 1),
    ],
    ids=json.dumps,
)
def test_positions_that_are_refused(worker, ask, image, change, code):
    params = ask | {"crops": [middle_of(image).tolist()]}
    assert worker.error("positions", **params | change)[0] == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        *SHARED,
        ({"step": None}, -32602),
        ({"step": "fine"}, -32602),
        ({"step": 0}, 1),
        ({"step": 1.1}, 1),
        ({"chosen": None}, -32602),
        ({"errors": "e.nii.gz"}, -32602),
        ({"errors": "/none/e.nrrd"}, 1),
    ],
    ids=json.dumps,
)
def test_sweeps_that_are_refused(worker, ask, tmp_path, change, code):
    outputs = {"chosen": str(tmp_path / "c.nrrd"), "errors": str(tmp_path / "e.nrrd")}
    assert worker.error("sweep", **ask | {"step": 0.5} | outputs | change)[0] == code
    assert not list(tmp_path.iterdir())
