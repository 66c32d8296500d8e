"""The request ``find``."""

import json
import time
from itertools import product

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.training.positions.pictures import middle_of, noise, place_of
from voco3d.positions import PlaceFinder, Positioner


@pytest.fixture(scope="module")
def other():
    return sitk.DICOMOrient(noise((24, 18, 20), (2.0, 3.0, 2.0), seed=5), "PIR")


@pytest.fixture
def target(other, tmp_path):
    file = tmp_path / "target.nrrd"
    sitk.WriteImage(other, str(file))
    return file


@pytest.fixture
def ask(positions_model, image_file, target):
    return {"source": image_file, "target": str(target), "model": str(positions_model.folder)}


def test_places_are_ras_both_ways(worker, ask, image, other, positions_model):
    """From an oblique image to one that is stored flipped."""
    places = [middle_of(image).tolist(), place_of(image, (4, 20, 7)).tolist()]
    found = worker.result("find", **ask, points=places)["found"]
    expected = PlaceFinder(Positioner(positions_model.folder, "cpu"), image, other).find(places)
    for one, place, right in zip(found, places, expected, strict=True):
        assert one["asked"] == pytest.approx(place)
        assert one["place"] == pytest.approx(right.place, abs=0.05)
        assert one["relative"] == pytest.approx(right.relative)
        assert one["similarity"] == pytest.approx(right.similarity, abs=1e-4)


def test_boxes_are_found_after_the_places(worker, ask, image, other, positions_model):
    place = middle_of(image)
    box = (place + 9 * np.array(list(product((-1, 1), repeat=3)))).tolist()
    finder = PlaceFinder(Positioner(positions_model.folder, "cpu"), image, other)
    (expected,) = finder.find_boxes([box])
    point, found = worker.result("find", **ask, points=[place.tolist()], boxes=[box])["found"]
    assert point["box"] is None
    assert found["place"] == pytest.approx(expected.place, abs=0.05)
    assert np.allclose(found["box"], expected.box, atol=0.05)
    assert found["similarity"] == pytest.approx(expected.similarity, abs=1e-4)


def test_a_second_place_sweeps_no_more(worker, ask, image, target):
    assert worker.result("find", **ask, points=[])["found"] == []
    place = middle_of(image).tolist()
    id = worker.ask("find", **ask, points=[place])
    first = worker.answer(id)["result"]["found"]
    assert {report["what"] for _, report in worker.told("progress", id)} == {"finding places"}
    sitk.WriteImage(noise((24, 18, 20), seed=8), str(target))
    assert worker.result("find", **ask, points=[place])["found"] != first


def test_it_can_be_cancelled(worker, ct):
    files = {"source": str(ct), "target": str(ct), "model": "headneck-voco"}
    id = worker.ask("find", **files, points=[])
    worker.wait(
        lambda m: (
            m.get("method") == "progress"
            and m["params"]["id"] == id
            and m["params"]["what"] == "sweeping the volume"
        )
    )
    assert worker.error("find", **files, points=[])[0] == 3
    started = time.monotonic()
    assert worker.result("cancel", id=id) == {"cancelled": True}
    assert worker.answer(id)["error"]["code"] == 2
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"source": None}, -32602),
        ({"target": 3}, -32602),
        ({"model": None}, -32602),
        ({"points": None}, -32602),
        ({"points": [[1, 2]]}, -32602),
        ({"more": 1}, -32602),
        ({"source": "/none.nrrd"}, 1),
        ({"target": "/none.nrrd"}, 1),
        ({"model": "nothing"}, 1),
        ({"device": "tpu"}, 1),
        ({"points": [[9000, 0, 0]]}, 1),
    ],
    ids=json.dumps,
)
def test_what_is_refused(worker, ask, image, change, code):
    params = ask | {"points": [middle_of(image).tolist()]}
    assert worker.error("find", **params | change)[0] == code
