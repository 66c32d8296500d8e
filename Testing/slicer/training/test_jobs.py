"""Jobs: start, look, stop, resume, and what goes wrong."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from Testing.slicer.training.small_training import (
    MANY,
    ThisPython,
    finetuning,
    pretraining,
    until,
)
from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.training.job_files import read_plan, read_state, write_plan
from VoCoSlicerLib.training.jobs import LIBRARY, Job, Training, start
from VoCoSlicerLib.training.presets import FINETUNING
from VoCoSlicerLib.training.records import read_record
from VoCoSlicerLib.training.standing import progress


def ended(job: Job):
    until(lambda: not job.standing().is_alive)
    return job.standing()


def trained(job: Job, step: int = 1) -> None:
    """Wait until so many steps are done."""
    until(lambda: not job.standing().is_alive or job.standing().done >= step)
    assert job.standing().is_alive, job.log.read_text()


def steps_of(job: Job) -> list[float]:
    return read_record(job.folder / "logs" / "training.csv")["step"]


def dead(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(pid))


def alive(pid: int) -> bool:
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")")[-1].split()[0] not in "ZX"
    except OSError:
        return False


def training(folder: Path) -> Training:
    return Training(finetuning(folder), folder, folder / "run")


def test_a_finetuning_leaves_a_model(begin, tmp_path):
    job = begin(finetuning(tmp_path))
    assert job.standing().phase == "running"
    assert job.model is None
    assert ended(job).phase == "finished", job.log.read_text()
    assert job.model == tmp_path / "run" / "model"
    assert steps_of(job) == [1, 2, 3, 4]


def test_a_pretraining_makes_its_cache_first(begin, tmp_path):
    job = begin(pretraining(tmp_path, pause=0.3))
    seen = []

    def is_over() -> bool:
        seen.append(job.standing())
        return not seen[-1].is_alive

    until(is_over)
    assert seen[-1].phase == "finished", job.log.read_text()
    whats = list(dict.fromkeys(standing.what for standing in seen))
    assert whats.index("Preparing the volumes") < whats.index("Training")
    assert (3, 5) in {(standing.done, standing.total) for standing in seen}
    index = json.loads((job.folder / "cache" / "index.json").read_text())
    assert index["arguments"][:3] == ["build", str(tmp_path / "data"), str(job.folder / "cache")]
    assert index["arguments"][3:7] == ["--size", "32", "32", "16"]


def test_a_cache_is_not_made_again(begin, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "index.json").write_text("{}")
    job = begin(pretraining(tmp_path), data=cache)
    assert [step.command for step in job.plan.steps] == ["pretrain"]
    assert ended(job).phase == "finished"


def test_stop_saves_and_resume_goes_on(begin, tmp_path):
    job = begin(finetuning(tmp_path, MANY))
    trained(job, 2)
    standing = job.standing()
    assert (standing.what, standing.total) == ("Training", MANY)
    assert standing.seconds_left == pytest.approx((MANY - standing.done) / 10, rel=0.01)
    job.stop()
    assert job.standing().phase == "stopping"
    assert ended(job).phase == "stopped"
    steps = steps_of(job)
    assert (job.folder / "checkpoints" / "last.ckpt").read_text() == str(len(steps))
    job.resume(ThisPython())
    trained(job, len(steps) + 2)
    assert steps_of(job)[: len(steps) + 2] == list(range(1, len(steps) + 3))


def test_a_stopped_one_is_finished_as_it_is(begin, tmp_path):
    job = begin(finetuning(tmp_path, MANY))
    trained(job, 2)
    with pytest.raises(VoCoSlicerError, match="has no checkpoint yet"):
        job.finish(ThisPython())
    job.stop()
    assert ended(job).phase == "stopped"
    steps = steps_of(job)
    assert job.has_trained
    job.finish(ThisPython())
    assert ended(job).phase == "finished", job.log.read_text()
    assert job.model == job.folder / "model"
    assert steps_of(job) == steps
    with pytest.raises(VoCoSlicerError, match="is finished"):
        job.finish(ThisPython())
    at_work = replace(read_state(job.folder), step=0)
    assert progress(job.folder, job.plan, at_work, "running").what == "Making the model"


def test_one_at_work_is_not_finished(begin, tmp_path):
    job = begin(finetuning(tmp_path, MANY))
    trained(job)
    (job.folder / "checkpoints").mkdir()
    (job.folder / "checkpoints" / "last.ckpt").write_text("1")
    with pytest.raises(VoCoSlicerError, match="is at work"):
        job.finish(ThisPython())


def test_it_goes_on_where_finishing_failed(begin, tmp_path):
    job = begin(finetuning(tmp_path, MANY))
    trained(job, 2)
    job.stop()
    ended(job)
    (job.folder / "model").write_text("in the way")
    job.finish(ThisPython())
    assert ended(job).phase == "failed"
    (job.folder / "model").unlink()
    done = len(steps_of(job))
    job.resume(ThisPython())
    trained(job, done + 1)


def test_stop_while_the_cache_is_made(begin, tmp_path):
    job = begin(pretraining(tmp_path))
    until(lambda: job.standing().done == 2)
    job.stop()
    assert ended(job).phase == "stopped"
    assert not (job.folder / "config.yaml").exists()
    job.resume(ThisPython())
    assert ended(job).phase == "finished"


def test_a_cache_that_is_whole_is_not_made_again_after_a_stop(begin, tmp_path):
    job = begin(pretraining(tmp_path, MANY))
    until(lambda: job.standing().what == "Training")
    job.stop()
    assert ended(job).phase == "stopped"
    (job.folder / "job.log").write_text("")
    job.resume(ThisPython())
    trained(job, len(steps_of(job)) + 1)
    assert "caching" not in job.log.read_text()


def test_stop_before_it_has_begun(begin, tmp_path):
    job = begin(finetuning(tmp_path, MANY))
    job.stop()
    assert ended(job).phase == "stopped"
    job.resume(ThisPython())
    trained(job)


def test_a_stop_that_cannot_save_has_failed(begin, tmp_path):
    job = begin(finetuning(tmp_path, MANY, stopped="sentence"))
    trained(job)
    job.stop()
    standing = ended(job)
    assert standing.phase == "failed"
    assert standing.sentence == "/data/x.nii.gz has no label: add one."


def test_a_later_slicer_finds_it_and_stops_it(begin, tmp_path):
    """A job that another process has started, and that process is gone."""
    (tmp_path / "data").mkdir(exist_ok=True)
    script = (
        "import sys\n"
        "from Testing import harness\n"
        "harness.start()\n"
        "from Testing.slicer.training.small_training import *\n"
        "from VoCoSlicerLib.training.jobs import *\n"
        "folder = Path(sys.argv[1])\n"
        "training = Training(finetuning(folder, MANY), folder / 'data', folder / 'run')\n"
        "start(training, ThisPython())\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=60)
    job = Job(tmp_path / "run")
    trained(job, 3)
    job.stop()
    assert ended(job).phase == "stopped"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_machine_shuts_down(begin, tmp_path, number):
    """What systems send first; the job saves and can be resumed."""
    job = begin(finetuning(tmp_path, MANY))
    trained(job)
    os.kill(read_state(job.folder).pid, number)
    assert ended(job).phase == "stopped"
    assert (job.folder / "checkpoints" / "last.ckpt").exists()


def test_the_training_is_killed(begin, tmp_path):
    job = begin(finetuning(tmp_path, MANY))
    trained(job)
    os.kill(read_state(job.folder).child, signal.SIGKILL)
    standing = ended(job)
    assert standing.phase == "failed"
    assert "memory ran out" in standing.sentence
    job.resume(ThisPython())
    trained(job)


def test_all_of_it_is_killed(begin, tmp_path):
    job = begin(finetuning(tmp_path, MANY))
    trained(job)
    state = read_state(job.folder)
    for pid in (state.pid, state.child):
        dead(pid)
    standing = job.standing()
    assert standing.phase == "failed"
    assert "without a word" in standing.sentence
    job.resume(ThisPython())
    trained(job)


def test_all_of_it_is_killed_where_an_older_model_lies(begin, tmp_path):
    """As ``voco finetune --finish`` leaves one, in a run that was then resumed."""
    job = begin(finetuning(tmp_path, MANY))
    trained(job)
    job.stop()
    ended(job)
    (job.folder / "model").mkdir()
    done = len(steps_of(job))
    job.resume(ThisPython())
    trained(job, done + 1)
    state = read_state(job.folder)
    for pid in (state.pid, state.child):
        dead(pid)
    assert job.standing().phase == "failed"
    assert job.model is None


def test_the_watching_process_is_killed(begin, tmp_path):
    """The training itself goes on, is not started twice, and can be stopped."""
    job = begin(finetuning(tmp_path, MANY))
    trained(job)
    dead(read_state(job.folder).pid)
    assert job.standing().phase == "running"
    with pytest.raises(VoCoSlicerError, match="is at work"):
        job.resume(ThisPython())
    job.stop()
    assert ended(job).phase == "stopped"
    assert (job.folder / "checkpoints" / "last.ckpt").exists()


def test_the_watching_process_is_killed_and_the_training_finishes(begin, tmp_path):
    job = begin(finetuning(tmp_path, 20, pause=0.1))
    trained(job)
    dead(read_state(job.folder).pid)
    assert ended(job).phase == "finished"


def test_another_process_gets_the_number(begin, tmp_path):
    """This one, as far as numbers go; it is neither taken for the job nor signalled."""
    job = begin(finetuning(tmp_path, MANY))
    trained(job)
    state = read_state(job.folder)
    for pid in (state.pid, state.child):
        dead(pid)
    path = job.folder / "job_state.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "pid": os.getpid(), "child": os.getpid()}))
    assert job.standing().phase == "failed"
    signal.signal(signal.SIGINT, signal.default_int_handler)
    job.stop()  # would be a KeyboardInterrupt here


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("sentence", "/data/x.nii.gz has no label: add one."),
        ("memory", "Memory ran out"),
        ("killed", "ended from outside"),
        ("bug", "voco3d failed (ZeroDivisionError: division by zero)"),
    ],
)
def test_the_reason_in_one_sentence(begin, tmp_path, how, said):
    standing = ended(begin(finetuning(tmp_path, before=how)))
    assert standing.phase == "failed"
    assert said in standing.sentence
    assert "\n" not in standing.sentence


def test_a_job_that_ends_while_it_is_looked_at(begin, tmp_path, monkeypatch):
    """Its last state is written before its process is gone."""
    from VoCoSlicerLib.training import jobs

    job = begin(finetuning(tmp_path))
    until(lambda: read_state(job.folder) is not None)
    before = read_state(job.folder)
    ended(job)
    until(lambda: not alive(before.pid))
    states = iter([before])
    monkeypatch.setattr(jobs, "read_state", lambda folder: next(states, read_state(folder)))
    assert job.standing().phase == "finished"
    (job.folder / "model").rename(job.folder / "moved")
    states = iter([before])
    assert job.standing().phase == "finished"


def test_an_old_reason_is_not_told_again(begin, tmp_path):
    job = begin(finetuning(tmp_path, before="memory"))
    ended(job)
    finetuning(tmp_path, after="bug")
    job.resume(ThisPython())
    assert "ZeroDivisionError" in ended(job).sentence


def test_a_failed_start_can_be_mended_in_the_same_folder(begin, tmp_path):
    ended(begin(finetuning(tmp_path, before="sentence")))
    job = begin(finetuning(tmp_path))
    assert ended(job).phase == "finished"
    assert "no label" not in job.log.read_text()


def test_a_python_without_voco3d(begin, tmp_path):
    broken = tmp_path / "broken"
    (broken / "voco3d").mkdir(parents=True)
    (broken / "voco3d" / "__init__.py").write_text("")
    standing = ended(begin(finetuning(tmp_path), first=str(broken)))
    assert standing.sentence.startswith("The chosen Python lacks voco3d")


def test_a_python_that_is_not_there(begin, tmp_path):
    with pytest.raises(VoCoSlicerError, match="no Python program /nowhere/python"):
        start(training(tmp_path), ThisPython("/nowhere/python"))
    assert not (tmp_path / "run" / "job.json").exists()


def test_a_job_that_cannot_begin(begin, tmp_path):
    false = tmp_path / "python"
    false.write_text("#!/bin/sh\necho something is wrong\nexit 1\n")
    false.chmod(0o755)
    standing = ended(start(training(tmp_path), ThisPython(str(false))))
    assert standing.sentence == "The job could not begin: something is wrong"


def test_an_unwritable_folder(begin, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(VoCoSlicerError, match="cannot be written to .*choose another"):
        begin(finetuning(tmp_path), out=tmp_path / "file" / "run")


def test_folders_that_are_taken(begin, tmp_path):
    job = begin(finetuning(tmp_path, MANY))
    with pytest.raises(VoCoSlicerError, match="at work"):
        begin(finetuning(tmp_path))
    trained(job)
    job.stop()
    ended(job)
    with pytest.raises(VoCoSlicerError, match="resume it, or choose another"):
        begin(finetuning(tmp_path))
    (tmp_path / "file").touch()
    with pytest.raises(VoCoSlicerError, match="is a file"):
        begin(finetuning(tmp_path), out=tmp_path / "file")


def test_what_cannot_be_resumed(begin, tmp_path):
    job = begin(finetuning(tmp_path))
    with pytest.raises(VoCoSlicerError, match="at work"):
        job.resume(ThisPython())
    ended(job)
    with pytest.raises(VoCoSlicerError, match="finished"):
        job.resume(ThisPython())


def test_what_is_asked_must_go_together(tmp_path):
    training = Training(FINETUNING[0], tmp_path / "nowhere", tmp_path / "run")
    assert "does not exist" in training.reason_against()
    training = replace(training, data=tmp_path)
    assert "initial weights" in training.reason_against()
    assert replace(training, init="headneck-voco").reason_against() is None


def test_a_folder_without_a_job(tmp_path):
    with pytest.raises(VoCoSlicerError, match="holds no training"):
        Job(tmp_path)
    (tmp_path / "job.json").write_text('{"format": 99}')
    with pytest.raises(VoCoSlicerError, match="holds no training"):
        Job(tmp_path)


def test_a_job_whose_folder_is_removed(begin, tmp_path):
    job = begin(finetuning(tmp_path))
    ended(job)
    job.folder.rename(tmp_path / "elsewhere")
    assert job.standing().phase == "failed"
    assert Job(tmp_path / "elsewhere").standing().phase == "finished"


def test_the_plan_is_read_as_it_was_written(begin, tmp_path):
    job = begin(pretraining(tmp_path, MANY), init="headneck-voco", options=("--seed", "3"))
    plan = read_plan(job.folder)
    write_plan(tmp_path, plan)
    assert read_plan(tmp_path) == plan
    assert plan.steps[1].arguments[-4:] == ("--network.init", "headneck-voco", "--seed", "3")


def test_the_runner_needs_nothing_but_python():
    """The Python of a training has no slicer."""
    script = (
        f"import sys; sys.path.insert(0, {str(LIBRARY)!r}); import VoCoSlicerLib.training.runner"
    )
    subprocess.run([sys.executable, "-I", "-S", "-c", script, str(LIBRARY)], check=True)


def test_records_that_are_damaged(begin, tmp_path):
    job = begin(finetuning(tmp_path, MANY))
    trained(job)
    job.stop()
    ended(job)
    job.resume(ThisPython())
    for text in ("", "step\n", "step,seconds\n\0\xff,x\n", "other,seconds\n1,2\n"):
        (job.folder / "logs" / "training.csv").write_text(text, encoding="latin-1")
        assert job.standing().is_alive


def test_a_damaged_plan_is_replaced(begin, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "job.json").write_text("{")
    assert ended(begin(finetuning(tmp_path))).phase == "finished"
