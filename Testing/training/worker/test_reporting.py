"""The request ``position_report``."""

import json
import time

import pytest

from Testing.training.positions.pictures import middle_of
from Testing.training.worker.cancelling import job_cancelled_at
from voco3d.positions.writing import FILES
from voco3d.worker.job import CancelledError
from voco3d.worker.opened import OpenImages
from voco3d.worker.params import Params
from voco3d.worker.reporting import run


@pytest.fixture
def params(positions_model, image_file, image, tmp_path):
    return {
        "image": image_file,
        "model": str(positions_model.folder),
        "crops": [middle_of(image).tolist()],
        "step": 1,
        "folder": str(tmp_path / "report"),
    }


def test_it_writes_what_the_command_writes(worker, params, image, tmp_path):
    written = worker.result("position_report", **params)["files"]
    folder = tmp_path / "report"
    assert set(written) == set(FILES) == {path.name for path in folder.iterdir()}
    content = json.loads((folder / "positions.json").read_text())
    assert content["crops"][0]["asked"] == pytest.approx(middle_of(image))
    assert content["sweep"]["crops"] == 4
    for name in written:
        if name.endswith(".png"):
            assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_without_a_step_there_is_no_error_map(worker, params, tmp_path):
    written = worker.result("position_report", **params | {"step": None})["files"]
    assert set(FILES) - set(written) == {"errors.csv", "errors.png"}
    assert {path.name for path in (tmp_path / "report").iterdir()} == set(written)
    assert "sweep" not in json.loads((tmp_path / "report/positions.json").read_text())


def test_cancelled_it_leaves_no_file(worker, params, tmp_path):
    (tmp_path / "report").mkdir()
    id = worker.ask("position_report", **params)
    worker.wait(
        lambda m: (
            m.get("method") == "progress"
            and m["params"]["id"] == id
            and m["params"]["what"] == "drawing"
        )
    )
    started = time.monotonic()
    assert worker.result("cancel", id=id) == {"cancelled": True}
    assert worker.answer(id)["error"]["code"] == 2
    assert time.monotonic() - started < 2
    worker.result("positions", **{k: params[k] for k in ("image", "model", "crops")})
    assert not list((tmp_path / "report").iterdir())


def test_cancelled_while_it_writes_it_leaves_no_file(params, tmp_path):
    (tmp_path / "report").mkdir()
    with pytest.raises(CancelledError):
        run(Params(params), job_cancelled_at("position_report", "writing"), OpenImages(10.0))
    assert not list((tmp_path / "report").iterdir())


def test_earlier_files_are_not_replaced(worker, params, tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report/crops.csv").write_text("mine")
    code, sentence = worker.error("position_report", **params)
    assert code == 1
    assert "holds crops.csv already: choose another folder" in sentence
    assert [path.read_text() for path in (tmp_path / "report").iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"crops": []}, -32602),
        ({"crops": None}, -32602),
        ({"step": "fine"}, -32602),
        ({"folder": None}, -32602),
        ({"more": 1}, -32602),
        ({"crops": [[9000, 0, 0]]}, 1),
        ({"step": 0}, 1),
        ({"folder": "/none/report"}, 1),
    ],
    ids=json.dumps,
)
def test_what_is_refused(worker, params, tmp_path, change, code):
    assert worker.error("position_report", **params | change)[0] == code
    assert not (tmp_path / "report").exists()
