"""The request ``check``."""

import json
import time

import pytest
import SimpleITK as sitk

from voco3d.positions import Positioner, check_volume


@pytest.fixture
def ask(positions_model, image_file):
    return {"image": image_file, "model": str(positions_model.folder)}


def test_it_gives_what_the_library_gives(worker, ask, image, positions_model):
    found = worker.result("check", **ask)
    expected = check_volume(Positioner(positions_model.folder, "cpu"), image)
    plain = json.loads(json.dumps(expected.to_plain()))
    assert set(found) == set(plain)
    for key in ("model", "known", "answer", "told", "sentences"):
        assert found[key] == plain[key]
    for key in ("similarity", "stated"):
        assert found[key] == pytest.approx(plain[key], abs=1e-4)


def test_the_same_image_is_answered_at_once_and_a_changed_one_is_not(worker, ask, image, tmp_path):
    file = tmp_path / "image.nrrd"
    sitk.WriteImage(image, str(file))
    ask = ask | {"image": str(file)}
    first = worker.result("check", **ask)
    id = worker.ask("check", **ask)
    assert worker.answer(id)["result"] == first
    assert worker.told("progress", id) == []
    sitk.WriteImage(sitk.Clamp(image, upperBound=0.0), str(file))
    assert worker.result("check", **ask)["stated"] != first["stated"]


def test_it_reports_and_can_be_cancelled(worker, ct):
    id = worker.ask("check", image=str(ct), model="headneck-voco")
    worker.wait(
        lambda m: (
            m.get("method") == "progress"
            and m["params"]["id"] == id
            and m["params"]["seconds_left"] is not None
        )
    )
    assert worker.error("check", image=str(ct), model="headneck-voco")[0] == 3
    started = time.monotonic()
    assert worker.result("cancel", id=id) == {"cancelled": True}
    assert worker.answer(id)["error"]["code"] == 2
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"image": None}, -32602, "image"),
        ({"model": None}, -32602, "model"),
        ({"more": 1}, -32602, "more"),
        ({"image": "/none.nrrd"}, 1, "does not exist"),
        ({"model": "headneck-oar"}, 1, "no reference bases"),
        ({"device": "tpu"}, 1, "no device"),
    ],
    ids=json.dumps,
)
def test_what_is_refused(worker, ask, change, code, says):
    found = worker.error("check", **ask | change)
    assert found[0] == code
    assert says in found[1]
