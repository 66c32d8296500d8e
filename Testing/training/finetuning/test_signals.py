"""Signals end a fine-tuning after the step at hand, with a checkpoint."""

import os
import shutil
import signal

import pytest

from Testing.training.finetuning.small_run import unsaid
from Testing.training.finetuning.test_resume import assert_same_end
from voco3d.cli import main
from voco3d.finetuning.config_file import FINETUNING
from voco3d.finetuning.module import FinetuningModule
from voco3d.finetuning.training import finetune, resume
from voco3d.training.checkpoints import LAST, read_checkpoint
from voco3d.training.stopping import SIGNALS, STOPPING, Interrupted


@pytest.fixture
def during(monkeypatch):
    """Has a signal sent in the middle of a step: (step, micro-batch)."""

    def arrange(moment: tuple[int, int], number: int) -> None:
        train = FinetuningModule.training_step

        def training_step(self, batch, batch_idx):
            if (self.global_step, batch_idx % 2) == moment:
                os.kill(os.getpid(), number)
            return train(self, batch, batch_idx)

        monkeypatch.setattr(FinetuningModule, "training_step", training_step)

    return arrange


def test_a_stopped_run_goes_on_as_if_it_had_not_been(whole, tmp_path, during, monkeypatch):
    data, config = FINETUNING.read(whole / "config.yaml")
    out = tmp_path / "whole"
    during((4, 0), signal.SIGTERM)
    with pytest.raises(Interrupted) as interrupted:
        finetune(config, data, out, unsaid)
    assert (interrupted.value.step, interrupted.value.signal_number) == (5, signal.SIGTERM)
    assert read_checkpoint(out / "checkpoints" / LAST)["global_step"] == 5
    assert not (out / "model").exists()
    monkeypatch.undo()
    resume(out, unsaid)
    assert_same_end(whole, out)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_command_says_how_to_go_on(whole, tmp_path, during, capfd, number):
    """And its exit code says which signal it was."""
    out = tmp_path / "run"
    shutil.copytree(whole / "cases", out / "cases")
    handlers = [signal.getsignal(each) for each in SIGNALS]
    during((0, 1), number)
    arguments = ["--config", str(whole / "config.yaml"), "--out", str(out)]
    with pytest.raises(SystemExit) as left:
        main(["finetune", *arguments, "--compute.workers", "0"])
    assert left.value.code == 128 + number
    said = capfd.readouterr()
    assert "stopped after step 1 and saved" in said.out
    assert f"voco finetune --resume {out}" in said.out
    assert f"voco finetune --finish {out}" in said.out
    assert STOPPING.decode() in said.err
    assert read_checkpoint(out / "checkpoints" / LAST)["global_step"] == 1
    assert [signal.getsignal(each) for each in SIGNALS] == handlers
