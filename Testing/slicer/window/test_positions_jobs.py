"""Questions to the worker, one at a time, with a worker that answers when the test says so."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import SimpleITK as sitk

from Testing import harness
from Testing.slicer.window.driver import load

import slicer  # isort: skip

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.widget.positions.follow import Follower
from VoCoSlicerLib.widget.positions.jobs import Jobs, Question
from VoCoSlicerLib.worker.messages import CANCELLED, USER_ERROR, WorkerError

Point = tuple[float, float, float]


@dataclass
class SlowWorker:
    """Keeps what it is asked."""

    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    ends: list[tuple[Any, Any]] = field(default_factory=list)

    def request(self, method: str, params: dict[str, Any], answered: Any, failed: Any, _p: Any):
        self.asked.append((method, params))
        self.ends.append((answered, failed))
        return len(self.asked)

    def cancel(self, id: int) -> None:
        self.cancelled.append(id)

    def answer(self, number: int = -1) -> None:
        self.ends[number][0]({"number": number})

    def fail(self, number: int = -1, code: int = CANCELLED) -> None:
        self.ends[number][1](WorkerError(code, "why"))


class Bench:
    """Questions on a bench."""

    def __init__(self) -> None:
        self.worker = SlowWorker()
        self.hindrance = ""
        self.changes = 0
        self.heard: list[str] = []
        self.jobs = Jobs(lambda: self.worker, lambda: "cpu", lambda: self.hindrance, self._change)

    def _change(self) -> None:
        self.changes += 1

    def question(self, name: str, volume_node: Any, gives_way: bool = False) -> Question:
        return Question(
            name,
            {"image": volume_node},
            {"model": "m"},
            lambda _answer: self.heard.append(f"{name} answered"),
            lambda error: self.heard.append(f"{name} failed {error.code}"),
            gives_way=gives_way,
        )

    def asked(self, count: int) -> None:
        harness.wait(lambda: len(self.worker.asked) == count)


@pytest.fixture
def bench(harness_session: None) -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.jobs.close()


@pytest.fixture
def volume(bench: Bench, tmp_path: Path) -> Any:
    return load(sitk.Image((6, 5, 4), sitk.sitkInt16) + 40, tmp_path, "CT")


def test_the_volume_is_written_before_the_worker_is_asked(bench: Bench, volume: Any) -> None:
    bench.jobs.ask(bench.question("a", volume))
    assert bench.jobs.busy
    bench.asked(1)
    method, params = bench.worker.asked[0]
    assert (method, params["model"], params["device"]) == ("a", "m", "cpu")
    assert sitk.ReadImage(params["image"]).GetSize() == (6, 5, 4)
    bench.worker.answer()
    assert bench.heard == ["a answered"]
    assert bench.jobs.idle
    bench.jobs.ask(bench.question("b", volume))
    bench.asked(2)
    assert bench.worker.asked[1][1]["image"] == params["image"], "written once"


def test_one_question_at_a_time(bench: Bench, volume: Any) -> None:
    bench.jobs.ask(bench.question("a", volume))
    with pytest.raises(VoCoSlicerError, match="busy"):
        bench.jobs.ask(bench.question("b", volume))
    bench.asked(1)
    with pytest.raises(VoCoSlicerError, match="busy"):
        bench.jobs.ask(bench.question("b", volume))


def test_what_gives_way_is_stopped_for_another(bench: Bench, volume: Any) -> None:
    bench.jobs.ask(bench.question("check", volume, gives_way=True))
    bench.asked(1)
    assert not bench.jobs.busy
    assert not bench.jobs.idle
    bench.jobs.ask(bench.question("a", volume))
    assert bench.worker.cancelled == [1]
    assert bench.jobs.busy
    assert len(bench.worker.asked) == 1, "not before the first one has ended"
    bench.worker.fail()
    bench.asked(2)
    assert bench.heard == ["check failed 2"]
    bench.worker.answer()
    assert bench.heard == ["check failed 2", "a answered"]


def test_what_gives_way_waits_for_nobody(bench: Bench, volume: Any) -> None:
    bench.jobs.ask(bench.question("a", volume))
    with pytest.raises(VoCoSlicerError, match="busy"):
        bench.jobs.ask(bench.question("check", volume, gives_way=True))


def test_a_hindrance_is_told(bench: Bench, volume: Any) -> None:
    bench.hindrance = "A segmentation is running."
    with pytest.raises(VoCoSlicerError, match="A segmentation is running"):
        bench.jobs.ask(bench.question("a", volume))
    assert bench.jobs.idle


def test_a_question_that_waits_can_be_cancelled(bench: Bench, volume: Any) -> None:
    bench.jobs.ask(bench.question("check", volume, gives_way=True))
    bench.asked(1)
    waiting = bench.question("a", volume)
    bench.jobs.ask(waiting)
    bench.jobs.cancel(waiting)
    bench.worker.fail()
    assert bench.heard == ["a failed 2", "check failed 2"]
    assert bench.jobs.idle


def test_room_is_made_when_what_was_asked_has_ended(bench: Bench, volume: Any) -> None:
    bench.jobs.ask(bench.question("a", volume))
    bench.asked(1)
    bench.jobs.make_room(lambda: bench.heard.append("room"))
    assert bench.worker.cancelled == [1]
    assert bench.heard == []
    with pytest.raises(VoCoSlicerError, match="busy"):
        bench.jobs.ask(bench.question("b", volume))
    bench.worker.fail()
    assert bench.heard == ["a failed 2", "room"]
    bench.jobs.make_room(lambda: bench.heard.append("at once"))
    assert bench.heard[-1] == "at once"


def test_room_is_made_also_while_a_volume_is_written(bench: Bench, volume: Any) -> None:
    bench.jobs.ask(bench.question("a", volume))
    bench.jobs.make_room(lambda: bench.heard.append("room"))
    assert bench.heard == ["a failed 2", "room"]
    slicer.app.processEvents()
    assert not bench.worker.asked


def test_what_is_dropped_ends_at_once_and_once(bench: Bench, volume: Any) -> None:
    bench.jobs.ask(bench.question("a", volume))
    bench.asked(1)
    bench.jobs.drop()
    assert bench.heard == ["a failed 2"]
    assert bench.jobs.idle
    bench.worker.answer()
    assert bench.heard == ["a failed 2"], "too late"


def test_a_volume_that_is_gone_ends_its_question(bench: Bench, volume: Any) -> None:
    bench.jobs.ask(bench.question("a", volume))
    bench.asked(1)
    bench.jobs.volumes_removed()
    assert bench.heard == []
    slicer.mrmlScene.RemoveNode(volume)
    bench.jobs.volumes_removed()
    assert bench.heard == ["a failed 2"]


def test_a_volume_that_cannot_be_written_is_an_error_of_the_user(bench: Bench) -> None:
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    bench.jobs.ask(bench.question("a", empty))
    harness.wait(lambda: bench.heard)
    assert bench.heard == [f"a failed {USER_ERROR}"]
    assert bench.jobs.idle


def test_close_leaves_no_file(bench: Bench, volume: Any) -> None:
    bench.jobs.ask(bench.question("a", volume))
    bench.asked(1)
    path = Path(bench.worker.asked[0][1]["image"])
    bench.jobs.close()
    assert not path.parent.exists()
    assert bench.worker.cancelled == [1], "a worker that others use is left free"
    assert bench.heard == []


# Following a node.


@pytest.fixture
def point(harness_session: None) -> Any:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    node.AddControlPoint(0.0, 0.0, 0.0)
    return node


def place_of(node: Any) -> Point:
    x, y, z = node.GetNthControlPointPositionWorld(0)
    return (x, y, z)


def test_the_last_move_is_asked_when_the_answer_to_the_first_is_there(point: Any) -> None:
    asked: list[Point] = []
    follower = Follower(
        lambda: place_of(point), lambda place: asked.append(place) or True, pytest.fail
    )
    follower.follow(point)
    for x in range(1, 6):
        point.SetNthControlPointPositionWorld(0, float(x), 0.0, 0.0)
    harness.wait(lambda: asked)
    point.SetNthControlPointPositionWorld(0, 9.0, 0.0, 0.0)
    harness.wait(lambda: not follower._timer.isActive())
    assert asked == [(5.0, 0.0, 0.0)], "one at a time"
    follower.answered()
    assert asked == [(5.0, 0.0, 0.0), (9.0, 0.0, 0.0)]
    follower.answered()
    assert len(asked) == 2, "nothing moved"


def test_a_question_that_could_not_be_asked_is_asked_later(point: Any) -> None:
    free = [False]
    follower = Follower(lambda: place_of(point), lambda _place: free[0], pytest.fail)
    follower.follow(point)
    point.SetNthControlPointPositionWorld(0, 1.0, 0.0, 0.0)
    harness.wait(lambda: not follower._timer.isActive())
    assert not follower.asking
    free[0] = True
    follower.look()
    assert follower.asking


def test_a_question_that_was_stopped_is_asked_again(point: Any) -> None:
    asked: list[Point] = []
    follower = Follower(
        lambda: place_of(point), lambda place: asked.append(place) or True, pytest.fail
    )
    follower.follow(point)
    follower.look()
    follower.failed(WorkerError(CANCELLED, "stopped"))
    assert len(asked) == 1
    follower.look()
    assert len(asked) == 2


def test_a_question_that_failed_is_told_and_asked_again_only_after_a_move(point: Any) -> None:
    asked: list[Point] = []
    told: list[WorkerError] = []
    follower = Follower(
        lambda: place_of(point), lambda place: asked.append(place) or True, told.append
    )
    follower.follow(point)
    follower.look()
    error = WorkerError(USER_ERROR, "why")
    follower.failed(error)
    follower.look()
    assert (told, len(asked)) == ([error], 1)
    point.SetNthControlPointPositionWorld(0, 1.0, 0.0, 0.0)
    harness.wait(lambda: len(asked) == 2)


def test_what_was_told_is_not_asked_again(point: Any) -> None:
    follower = Follower(lambda: place_of(point), lambda _place: pytest.fail("asked"), pytest.fail)
    follower.follow(point, (0.0, 0.0, 0.0))
    follower.look()
    follower.follow(None)
    point.SetNthControlPointPositionWorld(0, 1.0, 0.0, 0.0)
    assert not follower._timer.isActive()
