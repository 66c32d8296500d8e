"""A run that was ended, in whatever way, ends up as one that was not."""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from Testing.training.finetuning.small_run import STEPS, changed, unsaid
from Testing.training.finetuning.tiny_cases import write_cases
from Testing.training.training.damage import flip_a_bit, truncate
from voco3d.errors import VoCoError
from voco3d.finetuning.config_file import FINETUNING
from voco3d.finetuning.module import FinetuningModule
from voco3d.finetuning.monitor import best_row
from voco3d.finetuning.training import finetune, resume
from voco3d.training.checkpoints import LAST, PREVIOUS, newest_checkpoint, read_checkpoint
from voco3d.training.record import read_rows

KILLED = """
import os, signal, sys
from pathlib import Path
from voco3d.finetuning.config_file import FINETUNING
from voco3d.finetuning.module import FinetuningModule
from voco3d.finetuning.training import finetune

config_file, out = map(Path, sys.argv[1:])
train = FinetuningModule.training_step

def training_step(self, batch, batch_idx):
    if (self.global_step, batch_idx % 2) == (5, 1):
        os.kill(os.getpid(), signal.SIGKILL)
    return train(self, batch, batch_idx)

FinetuningModule.training_step = training_step
data, config = FINETUNING.read(config_file)
finetune(config, data, out)
"""


def rows(run: Path, name: str) -> list[dict[str, float]]:
    """A record without what no two runs have in common."""
    found = read_rows(run / "logs" / f"{name}.csv")
    return [{k: v for k, v in row.items() if k != "seconds"} for row in found]


def plain(content: object) -> object:
    """Tensors as bytes, to be compared to the bit."""
    if isinstance(content, dict):
        return {key: plain(value) for key, value in content.items()}
    if isinstance(content, list):
        return [plain(value) for value in content]
    return content.numpy().tobytes() if isinstance(content, torch.Tensor) else content


def assert_same_end(one: Path, other: Path) -> None:
    first, second = (read_checkpoint(run / "checkpoints" / LAST) for run in (one, other))
    for part in ("global_step", "state_dict", "optimizer_states", "lr_schedulers", "callbacks"):
        assert plain(first[part]) == plain(second[part]), part
    for name in ("training", "validation"):
        assert rows(one, name) == rows(other, name)
    model = Path("model", "models", "model.safetensors")
    assert (one / model).read_bytes() == (other / model).read_bytes()


@pytest.fixture
def copy_of(tmp_path):
    return lambda run: Path(shutil.copytree(run, tmp_path / "copy" / run.name))


def test_killed_in_the_middle_of_a_step_and_resumed(whole, tmp_path):
    out = tmp_path / "whole"
    arguments = [sys.executable, "-c", KILLED, whole / "config.yaml", out]
    killed = subprocess.run(list(map(str, arguments)), check=False)
    assert killed.returncode == -signal.SIGKILL
    assert read_checkpoint(newest_checkpoint(out / "checkpoints"))["global_step"] == 3
    assert rows(out, "training")[-1]["step"] == 4
    resume(out, unsaid)
    assert_same_end(whole, out)


def test_ended_before_the_first_checkpoint_it_begins_anew(whole, tmp_path, monkeypatch):
    train = FinetuningModule.training_step

    def broken(self, batch, batch_idx):
        if self.global_step == 2:
            raise RuntimeError
        return train(self, batch, batch_idx)

    out = tmp_path / "whole"
    data, config = FINETUNING.read(whole / "config.yaml")
    monkeypatch.setattr(FinetuningModule, "training_step", broken)
    with pytest.raises(RuntimeError):
        finetune(config, data, out, unsaid)
    monkeypatch.undo()
    assert rows(out, "training")
    assert newest_checkpoint(out / "checkpoints") is None
    resume(out, unsaid)
    assert_same_end(whole, out)


def test_the_run_to_compare_with_has_learnt(whole):
    training, validation = rows(whole, "training"), rows(whole, "validation")
    assert [row["step"] for row in training] == [2, 4, 6, 7]
    assert [row["step"] for row in validation] == [2, 4, 6, 7]
    assert len({row["mean"] for row in validation}) > 1


def test_a_finished_run_is_left_as_it_is(whole):
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*")}
    said = []
    assert resume(whole, said.append) == whole / "model"
    assert said == [f"{whole} is finished after {STEPS} steps."]
    assert {path: path.stat().st_mtime_ns for path in whole.rglob("*")} == before


def test_a_run_killed_between_its_last_step_and_its_model_gets_the_model(whole, copy_of):
    out = copy_of(whole)
    shutil.rmtree(out / "model")
    resume(out, unsaid)
    assert_same_end(whole, out)


@pytest.mark.parametrize("damage", [truncate, flip_a_bit, Path.unlink])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(whole, copy_of, damage):
    out = copy_of(whole)
    damage(out / "checkpoints" / LAST)
    said = []
    resume(out, said.append)
    assert said[0] == f"{LAST} is damaged or missing: going on from {PREVIOUS}."
    assert_same_end(whole, out)


def test_damaged_checkpoints_are_refused(whole, copy_of):
    out = copy_of(whole)
    for name in (LAST, PREVIOUS):
        truncate(out / "checkpoints" / name)
    with pytest.raises(VoCoError, match=r"are damaged \(last.ckpt, previous.ckpt\)"):
        resume(out)


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(VoCoError, match="is not a run"):
        resume(tmp_path)


def test_a_checkpoint_holds_what_it_takes_and_no_code(whole):
    content = torch.load(whole / "checkpoints" / LAST, weights_only=True)
    assert {key.partition(".")[0] for key in content["state_dict"]} == {"network", "average"}
    assert content["global_step"] == STEPS
    assert content["config"] == FINETUNING.read(whole / "config.yaml")[1].to_plain()
    assert content["lr_schedulers"][0]["last_epoch"] == STEPS


def changed_list(data: Path, change) -> Path:
    content = json.loads(data.read_text())
    change(content)
    data.write_text(json.dumps(content))
    return data


def another_label(content) -> None:
    one, other = content["training"][:2]
    one["label"], other["label"] = other["label"], one["label"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content["training"].pop(), "The training cases of .* are others"),
        (lambda content: content["training"].reverse(), "The training cases of .* are others"),
        (another_label, "The training cases of .* are others"),
        (lambda content: content["validation"].pop(), "The validation cases of .* are others"),
        (lambda content: content["labels"].update({"3": "spine"}), "The classes of .* are others"),
    ],
)
def test_a_run_does_not_go_on_with_other_data(cases, whole, copy_of, change, message):
    out, data = copy_of(whole), copy_of(cases.parent) / cases.name
    options = out / "config.yaml"
    options.write_text(options.read_text().replace(str(cases), str(data)))
    shutil.rmtree(out / "model")
    changed_list(data, change)
    before = (out / "checkpoints" / LAST).read_bytes()
    with pytest.raises(VoCoError, match=message):
        resume(out, unsaid)
    assert (out / "checkpoints" / LAST).read_bytes() == before


def test_a_run_that_ended_early_has_ended(tmp_path):
    """Also where it was killed before its model was there."""
    data = write_cases(tmp_path / "data", training=1)
    config = changed("optimisation", steps=30, learning_rate=1e-7)
    config = changed("validation", config, every=1, patience=2, save_every=2)
    run = tmp_path / "run"
    finetune(config, data, run, unsaid)
    validation = rows(run, "validation")
    best = best_row(run)["step"]
    assert validation[-1]["step"] == best + 2 < 30
    weights = (run / "model" / "models" / "model.safetensors").read_bytes()
    said = []
    assert resume(run, said.append) == run / "model"
    assert said == [f"{run} is finished after {len(validation)} steps."]
    shutil.rmtree(run / "model")
    resume(run, unsaid)
    assert rows(run, "validation") == validation
    assert (run / "model" / "models" / "model.safetensors").read_bytes() == weights


def test_a_run_goes_on_from_another_folder(cases, tmp_path, monkeypatch, whole):
    """With data, weights and store that were named as seen from where it began."""
    shutil.copytree(cases.parent, tmp_path / "data")
    shutil.copytree(whole.with_name("encoder"), tmp_path / "encoder")
    _, config = FINETUNING.read(whole / "config.yaml")
    config = replace(config, init="encoder", store="store")
    config = changed("optimisation", config, steps=1, warmup=0)
    monkeypatch.chdir(tmp_path)
    finetune(config, Path("data/dataset.json"), Path("run"), unsaid)
    shutil.rmtree("run/model")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    resume(tmp_path / "run", unsaid)
    assert (tmp_path / "run" / "model").is_dir()
    assert not list(Path().iterdir())
