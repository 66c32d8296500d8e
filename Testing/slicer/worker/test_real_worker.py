"""The connection with the real `voco3d.worker`, in this Python as if it were Slicer's."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import SimpleITK as sitk

from Testing.slicer.worker.connection import Asked, Loop
from Testing.slicer.worker.test_faults import is_alive
from VoCoSlicerLib.worker.check import Report, check
from VoCoSlicerLib.worker.environment import slicer_python
from VoCoSlicerLib.worker.messages import CANCELLED, USER_ERROR, WORKER_LOST
from VoCoSlicerLib.worker.process import Worker

STARTS_WITHIN = 90  # seconds: reading torch from a busy disk


@pytest.fixture
def worker(loop: Loop) -> Iterator[Worker]:
    worker = Worker(slicer_python())
    yield worker
    worker.stop()
    loop.run(0.05)


@pytest.fixture
def ct(phantom, tmp_path: Path) -> Path:
    sitk.WriteImage(phantom.image, str(tmp_path / "ct.nrrd"))
    return tmp_path / "ct.nrrd"


def process_of(worker: Worker) -> int:
    return int(worker._process.processId())


def segmenting(worker: Worker, ct: Path, model_folder: Path, **changes: object) -> Asked:
    parameters = {
        "images": [str(ct)],
        "output": str(ct.with_name("result.seg.nrrd")),
        "model": str(model_folder),
        "device": "cpu",
        "threads": 1,
        "overlap": None,
        "structures": None,
        "region": None,
    }
    return Asked(worker, "segment", **{**parameters, **changes})


def test_a_check_of_a_python_that_fits(loop: Loop):
    reports: list[Report] = []
    check(slicer_python(), reports.append)
    loop.wait(lambda: reports, STARTS_WITHIN)
    (report,) = reports
    assert report.reason == ""
    assert {"voco3d", "python", "torch", "monai"} <= dict(report.versions).keys()
    assert "cpu" in [device.name for device in report.devices]
    assert all(0 < device.memory <= device.total for device in report.devices)
    assert report.threads >= 1


def test_segment_twice_cancel_and_be_killed(worker: Worker, loop: Loop, ct: Path, model_folder):
    """One worker through a day's work: most of the time of this test is its two starts."""
    first = segmenting(worker, ct, model_folder)
    loop.wait(lambda: first.ended, STARTS_WITHIN)
    assert Path(first.result["output"]).is_file()
    assert first.progress
    pid = process_of(worker)

    second = segmenting(worker, ct, model_folder)
    loop.wait(lambda: second.ended, 30)
    assert second.result["structures"] == first.result["structures"]

    wrong = segmenting(worker, ct, model_folder / "nothing")
    loop.wait(lambda: wrong.ended, 30)
    assert wrong.error.code == USER_ERROR

    for file in ct.parent.glob("*.seg.nrrd"):
        file.unlink()
    cancelled = segmenting(worker, ct, model_folder, overlap=0.9)
    loop.wait(lambda: cancelled.progress, 30)
    start = time.monotonic()
    worker.cancel(cancelled.id)
    loop.wait(lambda: cancelled.ended, 30)
    assert cancelled.error.code == CANCELLED
    if process_of(worker) == pid:  # it obeyed in time
        assert time.monotonic() - start < 2.0
        assert [file.name for file in ct.parent.iterdir()] == [ct.name]

    killed = segmenting(worker, ct, model_folder, overlap=0.9)
    loop.wait(lambda: killed.progress, STARTS_WITHIN)
    os.kill(process_of(worker), 9)
    loop.wait(lambda: killed.ended)
    assert killed.error.code == WORKER_LOST

    again = segmenting(worker, ct, model_folder)
    loop.wait(lambda: again.ended, STARTS_WITHIN)
    assert again.result["structures"] == first.result["structures"]
    pid = process_of(worker)
    worker.stop()
    loop.wait(lambda: not is_alive(pid))
