"""The model of a run that was stopped: what has been trained so far, and the run can go on."""

import shutil
from pathlib import Path

import pytest

from Testing.training.finetuning.small_run import STEPS, changed, unsaid
from Testing.training.finetuning.test_resume import assert_same_end, rows
from voco3d.errors import VoCoError
from voco3d.finetuning.config_file import FINETUNING
from voco3d.finetuning.module import FinetuningModule
from voco3d.finetuning.training import finetune, finish, resume
from voco3d.models import read_model
from voco3d.training.checkpoints import LAST, read_checkpoint
from voco3d.weights import read_tensors

MODEL = Path("model", "models", "model.safetensors")


@pytest.fixture
def stopped(whole, tmp_path) -> Path:
    """A copy of the whole run as it was after step 6, with rows that are younger than that."""
    out = Path(shutil.copytree(whole, tmp_path / "whole"))
    (out / "checkpoints" / LAST).unlink()
    shutil.rmtree(out / "model")
    return out


def test_it_has_the_best_weights_so_far_and_says_after_how_many_steps(stopped):
    checkpoint = read_checkpoint(stopped / "checkpoints" / "previous.ckpt")
    assert checkpoint["global_step"] == 6
    model = read_model(finish(stopped, unsaid))
    tensors = read_tensors(model.weights).tensors
    best = next(part["best"] for name, part in checkpoint["callbacks"].items() if "Monitor" in name)
    for key, tensor in tensors.items():
        assert tensor.equal(best[key].to(tensor.dtype)), key
    assert model.card.training["steps_done"] == 6
    (figures,) = model.card.results.values()
    judged = [row for row in rows(stopped, "validation") if row["step"] <= 6]
    assert figures["mean"] == round(max(row["mean"] for row in judged), 4)
    assert figures["step"] <= 6


def test_a_row_that_is_younger_than_the_weights_is_not_theirs(stopped):
    with (stopped / "logs" / "validation.csv").open() as file:
        columns = file.readline().count(",") + 1
    with (stopped / "logs" / "validation.csv").open("a") as file:
        file.write(",".join(["7", "9", *["0.99"] * (columns - 2)]) + "\n")
    (figures,) = read_model(finish(stopped, unsaid)).card.results.values()
    assert figures["mean"] < 0.9


def test_the_run_can_still_go_on(stopped, whole):
    finish(stopped, unsaid)
    resume(stopped, unsaid)
    assert_same_end(whole, stopped)


def test_a_finished_run_gets_the_same_model(whole, tmp_path):
    out = Path(shutil.copytree(whole, tmp_path / "whole"))
    finish(out, unsaid)
    assert (out / MODEL).read_bytes() == (whole / MODEL).read_bytes()
    assert read_model(out / "model").card.training["steps_done"] == STEPS


def test_without_a_validation_the_last_weights_are_taken(cases, tmp_path, monkeypatch):
    train = FinetuningModule.training_step

    def broken(self, batch, batch_idx):
        if self.global_step == 5:
            raise RuntimeError
        return train(self, batch, batch_idx)

    out = tmp_path / "run"
    monkeypatch.setattr(FinetuningModule, "training_step", broken)
    with pytest.raises(RuntimeError):
        finetune(changed("validation", every=0), cases, out, unsaid)
    model = read_model(finish(out, unsaid))
    state = read_checkpoint(out / "checkpoints" / LAST)
    assert state["global_step"] == model.card.training["steps_done"] == 3
    for key, tensor in read_tensors(model.weights).tensors.items():
        assert tensor.equal(state["state_dict"][f"network.{key}"].to(tensor.dtype)), key
    assert model.card.results == {}


def test_a_run_without_a_checkpoint_is_refused(whole, tmp_path):
    out = tmp_path / "run"
    data, config = FINETUNING.read(whole / "config.yaml")
    out.mkdir()
    FINETUNING.write(out / "config.yaml", data, config)
    with pytest.raises(VoCoError, match="has no checkpoint yet: let it train until it has saved"):
        finish(out, unsaid)
    assert not (out / "model").exists()
