"""A run's steps, with a worker that answers when the test says so."""

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from Testing import harness
from Testing.slicer.window.driver import load, nodes_in_scene

import slicer  # isort: skip

from voco3d.models import Structure, read_model
from voco3d.outputs.seg_nrrd import write_seg_nrrd
from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.batches import VolumeSeries
from VoCoSlicerLib.scene.labelmaps import segment_mask
from VoCoSlicerLib.segmenting.one_volume import OneVolume
from VoCoSlicerLib.segmenting.outcome import End, Outcome, Progress
from VoCoSlicerLib.segmenting.run import Run, Settings
from VoCoSlicerLib.segmenting.segmenter import Segmenter
from VoCoSlicerLib.worker import words
from VoCoSlicerLib.worker.messages import CANCELLED, USER_ERROR, WORKER_LOST, WorkerError

DENSE = 300  # HU


@dataclass
class SlowWorker:
    """Keeps what it is asked."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)

    def request(self, method: str, params: dict, on_result, on_error, on_progress, on_note) -> int:
        assert method == "segment"
        self.asked.append(params)
        self.answer, self.refuse = on_result, on_error
        self.progress, self.note = on_progress, on_note
        return len(self.asked)

    def cancel(self, id: int) -> None:
        self.cancelled.append(id)


@dataclass
class Ear:
    """A listener."""

    heard: list[Progress] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    outcome: Outcome | None = None

    def progress(self, progress: Progress) -> None:
        self.heard.append(progress)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def ended(self, outcome: Outcome) -> None:
        assert self.outcome is None, "a run ends once"
        self.outcome = outcome


class Bench:
    """A run on a bench."""

    def __init__(self, folder: Path, structures: tuple[Structure, ...]) -> None:
        self.worker, self.ear, self.folder = SlowWorker(), Ear(), folder
        self._structures = structures

    def start(self, series: Any, needed: Any = (), **settings: Any) -> Run:
        import qt

        self.run = Run(
            series,
            Settings("small", **settings),
            self.worker,
            self.ear,
            qt.QTimer.singleShot,
            needed,
            self.folder,
        )
        self.run.start()
        return self.run

    def asked(self, count: int = 1) -> dict[str, Any]:
        harness.wait(lambda: len(self.worker.asked) == count)
        return self.worker.asked[-1]

    def answer(self, notes: list[str] | None = None) -> None:
        """As the worker: what is dense is the first structure."""
        params = self.worker.asked[-1]
        labels = sitk.ReadImage(params["images"][0]) > DENSE
        write_seg_nrrd(Path(params["output"]), labels, dict(enumerate(self._structures, start=1)))
        self.worker.answer(
            {
                "output": params["output"],
                "structures": [
                    {
                        "label": label,
                        "name": structure.name,
                        "color": list(structure.color),
                        "voxels": 5,
                        "volume_ml": 1.5,
                        "mean_hu": 40.0,
                        "touches_border": True,
                    }
                    for label, structure in enumerate(self._structures, start=1)
                ],
                "seconds": 1.0,
                "notes": notes or [],
                "provenance": {
                    "model": "small",
                    "hash": "0" * 64,
                    "versions": {"voco3d": "0"},
                    "date": "2026-01-01T00:00:00+00:00",
                    "device": "cpu",
                    "overlap": 0.25,
                    "structures": [structure.name for structure in self._structures],
                },
            }
        )

    def end(self) -> Outcome:
        harness.wait(lambda: self.ear.outcome is not None)
        assert self.ear.outcome is not None
        return self.ear.outcome


@pytest.fixture
def bench(harness_session: None, tmp_path: Path, model_folder: Path) -> Bench:
    folder = tmp_path / "run"
    folder.mkdir()
    return Bench(folder, read_model(model_folder).structures)


@pytest.fixture
def volume(bench: Bench, phantom: Any, tmp_path: Path) -> Any:
    return load(phantom.image, tmp_path, "CT")


def test_a_run_leaves_its_result_and_no_files(bench: Bench, volume: Any) -> None:
    bench.start(OneVolume(volume))
    bench.asked()
    bench.answer()
    outcome = bench.end()
    assert outcome.end is End.DONE
    (segmentation,) = outcome.nodes
    assert segmentation.GetSegmentation().GetNumberOfSegments() == 2
    assert [row.name for row in outcome.results[0].rows] == ["brainstem", "right parotid gland"]
    assert not list(bench.folder.iterdir())


@pytest.mark.parametrize(
    "direction",
    [
        (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0),
        (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        sitk.Euler3DTransform((0, 0, 0), 0.15, -0.2, 0.3).GetMatrix(),
    ],
    ids=["flipped", "permuted", "oblique"],
)
def test_a_result_lies_where_the_patient_is(
    bench: Bench, phantom: Any, tmp_path: Path, direction: tuple[float, ...]
) -> None:
    """From the file on disk to the segment in the scene, left stays left."""
    image = sitk.Image(phantom.image)
    image.SetDirection(direction)
    bench.start(OneVolume(load(image, tmp_path, "turned")))
    (path,) = bench.asked()["images"]
    sent = sitk.ReadImage(path)
    assert sent.GetDirection() == pytest.approx(image.GetDirection(), abs=1e-6)
    assert sent.GetOrigin() == pytest.approx(image.GetOrigin(), abs=1e-4)
    assert sent.GetSpacing() == pytest.approx(image.GetSpacing(), abs=1e-6)
    assert (sitk.GetArrayViewFromImage(sent) == sitk.GetArrayViewFromImage(image)).all()
    bench.answer()
    segment = bench.end().nodes[0].GetSegmentation().GetNthSegment(0)
    mask, index_to_ras = segment_mask(segment)
    found = np.argwhere(mask) @ index_to_ras[:3, :3].T + index_to_ras[:3, 3]
    indices = np.argwhere(sitk.GetArrayViewFromImage(image) > DENSE)[:, ::-1]
    axes = np.reshape(direction, (3, 3)) * image.GetSpacing()
    wanted = (indices @ axes.T + image.GetOrigin()) * [-1, -1, 1]
    assert len(found) == len(wanted) > 100
    assert sorted_rows(found) == pytest.approx(sorted_rows(wanted), abs=1e-3)


def sorted_rows(points: np.ndarray) -> np.ndarray:
    return np.array(sorted(np.round(points, 3).tolist()))


def test_the_worker_is_asked_for_what_the_settings_say(bench: Bench, volume: Any) -> None:
    region = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode")
    region.SetCenter([0, 0, 0])
    region.SetSize([30, 40, 50])
    wanted = {"structures": ["brainstem"], "device": "cpu", "threads": 3, "overlap": 0.75}
    bench.start(OneVolume(volume), region=region, small_tiles=True, **wanted)
    asked = bench.asked()
    assert asked["small_windows"]
    assert {key: asked[key] for key in wanted} == wanted
    matrix = asked["region"]["matrix"]
    assert [abs(matrix[n]) for n in (0, 5, 10)] == pytest.approx([30, 40, 50])
    bench.run.abandon()


def test_each_channel_is_a_file(bench: Bench, volume: Any, phantom: Any, tmp_path: Path) -> None:
    second = load(phantom.image + 100, tmp_path, "second")
    bench.start(OneVolume(volume), further_channels=[second])
    first_file, second_file = bench.asked()["images"]
    difference = sitk.ReadImage(second_file) - sitk.ReadImage(first_file)
    assert sitk.GetArrayViewFromImage(difference).min() == 100
    bench.run.abandon()


def test_progress_is_of_the_whole_series(bench: Bench, volume: Any, phantom, tmp_path) -> None:
    bench.start(VolumeSeries([volume, load(phantom.image, tmp_path, "second")]))
    bench.asked()
    bench.worker.progress(1, 4, "Segmenting", 12.0)
    assert bench.ear.heard[-1] == Progress(0.125, "1 of 2, CT: Segmenting", 12.0)
    bench.answer()
    bench.asked(2)
    bench.worker.progress(2, 4, "Segmenting", None)
    assert bench.ear.heard[-1].share == pytest.approx(0.75)
    shares = [progress.share for progress in bench.ear.heard]
    assert shares == sorted(shares), "a progress bar never goes back"
    bench.run.abandon()


def test_notes_come_through(bench: Bench, volume: Any) -> None:
    bench.start(OneVolume(volume))
    bench.asked()
    bench.worker.note("Memory ran out: smaller tiles.")
    assert bench.ear.notes == ["Memory ran out: smaller tiles."]
    bench.run.abandon()


def test_what_the_worker_remarked_is_in_the_users_language(
    bench: Bench, volume: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "_sentences", lambda: {"Choose a box.": "Wähle einen Kasten."})
    bench.start(OneVolume(volume))
    bench.asked()
    bench.answer(notes=["Choose a box.", "Something new."])
    assert bench.end().notes == ["Wähle einen Kasten.", "Something new."]


@pytest.mark.parametrize("existing", [False, True])
def test_cancel_leaves_the_scene_as_it_was(bench: Bench, volume: Any, existing: bool) -> None:
    segmentation = None
    if existing:
        segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
        segmentation.GetSegmentation().AddEmptySegment("mine")
    before = nodes_in_scene()
    run = bench.start(OneVolume(volume, segmentation))
    bench.asked()
    run.cancel()
    assert bench.worker.cancelled == [1]
    bench.worker.refuse(WorkerError(CANCELLED, "Cancelled."))
    assert bench.end().end is End.CANCELLED
    assert nodes_in_scene() == before
    assert not list(bench.folder.iterdir())
    if segmentation is not None:
        assert segmentation.GetSegmentation().GetNumberOfSegments() == 1


def test_cancel_wins_over_a_result_that_comes_late(bench: Bench, volume: Any) -> None:
    before = nodes_in_scene()
    run = bench.start(OneVolume(volume))
    bench.asked()
    run.cancel()
    bench.answer()
    assert bench.end().end is End.CANCELLED
    assert nodes_in_scene() == before


def test_cancel_before_the_worker_is_asked(bench: Bench, volume: Any) -> None:
    run = bench.start(OneVolume(volume))
    run.cancel()
    assert bench.end().end is End.CANCELLED
    assert not bench.worker.asked


def test_cancel_while_the_result_is_taken_over(bench: Bench, volume: Any) -> None:
    before = nodes_in_scene()
    run = bench.start(OneVolume(volume))
    bench.asked()
    bench.answer()
    harness.wait(lambda: "Taking over" in bench.ear.heard[-1].what)
    run.cancel()
    assert bench.end().end is End.CANCELLED
    assert nodes_in_scene() == before


def test_of_several_volumes_cancel_keeps_what_is_done(
    bench: Bench, volume: Any, phantom: Any, tmp_path: Path
) -> None:
    run = bench.start(VolumeSeries([volume, load(phantom.image, tmp_path, "second")]))
    bench.asked()
    bench.answer()
    bench.asked(2)
    run.cancel()
    bench.worker.refuse(WorkerError(CANCELLED, "Cancelled."))
    outcome = bench.end()
    assert outcome.end is End.CANCELLED
    assert [result.title for result in outcome.results] == ["CT"]
    assert len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")) == 1


def test_one_faulty_volume_does_not_stop_the_others(
    bench: Bench, volume: Any, phantom: Any, tmp_path: Path
) -> None:
    bench.start(VolumeSeries([volume, load(phantom.image, tmp_path, "second")]))
    bench.asked()
    bench.worker.refuse(WorkerError(USER_ERROR, "Not a CT."))
    bench.asked(2)
    bench.answer()
    outcome = bench.end()
    assert outcome.end is End.DONE
    assert outcome.failures == ["CT: Not a CT."]
    assert [result.title for result in outcome.results] == ["second"]


def test_a_volume_that_is_gone_does_not_stop_the_others(
    bench: Bench, volume: Any, phantom: Any, tmp_path: Path
) -> None:
    second = load(phantom.image, tmp_path, "second")
    bench.start(VolumeSeries([volume, second]))
    bench.asked()
    slicer.mrmlScene.RemoveNode(second)
    bench.answer()
    outcome = bench.end()
    assert outcome.end is End.DONE
    assert [result.title for result in outcome.results] == ["CT"]
    assert "second is no longer in the scene" in outcome.failures[0]


def test_a_bug_ends_the_run_with_its_traceback(bench: Bench, volume: Any) -> None:
    class Buggy(OneVolume):
        def writing(self, item: Any, path: Any) -> Any:
            yield 0.5
            raise ZeroDivisionError("a bug")

    bench.start(Buggy(volume))
    outcome = bench.end()
    assert outcome.end is End.FAILED
    assert "a bug" in outcome.message
    assert "Traceback" in outcome.detail
    assert not list(bench.folder.iterdir())


def test_a_lost_worker_fails_the_run_and_leaves_the_scene(bench: Bench, volume: Any) -> None:
    before = nodes_in_scene()
    bench.start(OneVolume(volume))
    bench.asked()
    bench.worker.refuse(WorkerError(WORKER_LOST, "The worker died.", "a log"))
    outcome = bench.end()
    assert (outcome.end, outcome.message, outcome.detail) == (
        End.FAILED,
        "The worker died.",
        "a log",
    )
    assert nodes_in_scene() == before


def test_removing_the_volume_ends_the_run(bench: Bench, volume: Any) -> None:
    bench.start(OneVolume(volume), needed=[volume])
    bench.asked()
    slicer.mrmlScene.RemoveNode(volume)
    assert bench.worker.cancelled == [1]
    bench.worker.refuse(WorkerError(CANCELLED, "Cancelled."))
    outcome = bench.end()
    assert outcome.end is End.CANCELLED
    assert outcome.message == "CT was removed from the scene: the run was stopped."


def test_removing_another_node_does_not(bench: Bench, volume: Any) -> None:
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "other")
    bench.start(OneVolume(volume), needed=[volume])
    bench.asked()
    slicer.mrmlScene.RemoveNode(other)
    assert not bench.worker.cancelled
    bench.run.abandon()


def test_closing_the_scene_ends_the_run(bench: Bench, volume: Any) -> None:
    bench.start(OneVolume(volume), needed=[volume])
    bench.asked()
    slicer.mrmlScene.Clear(False)
    after = nodes_in_scene()
    bench.answer()
    outcome = bench.end()
    assert outcome.end is End.CANCELLED
    assert "closed" in outcome.message
    assert nodes_in_scene() == after, "nothing comes into the new scene"


def test_abandoning_is_silent_and_leaves_no_files(bench: Bench, volume: Any) -> None:
    run = bench.start(OneVolume(volume))
    bench.asked()
    run.abandon()
    bench.worker.answer({})
    slicer.app.processEvents()
    assert bench.ear.outcome is None
    assert not list(bench.folder.iterdir())
    assert not slicer.util.getNodesByClass("vtkMRMLSegmentationNode")


def test_a_second_run_at_the_same_time_is_refused(
    bench: Bench, volume: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import qt

    segmenter = Segmenter(qt.QTimer.singleShot, slicer.app.processEvents)
    monkeypatch.setattr(segmenter, "worker", lambda _environment: bench.worker)
    segmenter.start(OneVolume(volume), Settings("small"), None, bench.ear)
    with pytest.raises(VoCoSlicerError, match="is running"):
        segmenter.start(OneVolume(volume), Settings("small"), None, bench.ear)
    segmenter.close()


def test_nothing_chosen(bench: Bench) -> None:
    with pytest.raises(VoCoSlicerError, match="Choose a volume"):
        OneVolume(None)


def test_the_window_breathes_between_steps(bench: Bench, volume: Any) -> None:
    """Long work in the main thread is cut: timers fire in between."""
    import time

    import qt

    class LongSeries(OneVolume):
        def writing(self, item: Any, path: Any) -> Any:
            for number in range(20):
                time.sleep(0.01)
                yield number / 20
            yield from super().writing(item, path)

    ticks: list[float] = []
    timer = qt.QTimer()
    timer.setInterval(5)
    timer.connect("timeout()", lambda: ticks.append(time.monotonic()))
    timer.start()
    bench.start(LongSeries(volume))
    bench.asked()
    timer.stop()
    gaps = [after - before for before, after in pairwise(ticks)]
    assert max(gaps) < 0.1, gaps
    bench.run.abandon()
