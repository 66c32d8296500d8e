"""Signals end a run after the step at hand, with a checkpoint."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from Testing.training.pretraining.tiny_cache import changed, write_cache
from voco3d.pretraining.config_file import write_config
from voco3d.pretraining.module import VoCoModule
from voco3d.pretraining.training import pretrain, resume
from voco3d.training.checkpoints import LAST, read_checkpoint
from voco3d.training.stopping import SIGNALS, STOPPING, Interrupted

STEPS = 5
TERM = signal.SIGTERM


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return write_cache(tmp_path_factory.mktemp("data") / "cache")


@pytest.fixture
def config():
    config = changed("optimisation", steps=STEPS, accumulate=2)
    return changed("monitoring", changed("compute", config, workers=1), save_every=100)


@pytest.fixture
def during(monkeypatch):
    """Has something done in the middle of a step: (step, micro-batch)."""

    def arrange(moment: tuple[int, int], action) -> None:
        train = VoCoModule.training_step

        def training_step(self, batch, batch_idx):
            if (self.global_step, batch_idx % 2) == moment:
                action()
            return train(self, batch, batch_idx)

        monkeypatch.setattr(VoCoModule, "training_step", training_step)

    return arrange


def send(number: int) -> None:
    """As a scheduler does it: to the workers as well."""
    for worker in multiprocessing.active_children():
        os.kill(worker.pid, number)
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_lets_the_step_end_and_saves(cache, config, tmp_path, during, number, capfd):
    out = tmp_path / "run"
    handlers = [signal.getsignal(each) for each in SIGNALS]
    during((2, 0), lambda: send(number))
    with pytest.raises(Interrupted) as interrupted:
        pretrain(config, cache, out)
    assert (interrupted.value.step, interrupted.value.signal_number) == (3, number)
    assert read_checkpoint(out / "checkpoints" / LAST)["global_step"] == 3
    assert STOPPING.decode() in capfd.readouterr().err
    assert [signal.getsignal(each) for each in SIGNALS] == handlers
    assert not (out / "model").exists()


def test_a_stopped_run_goes_on_as_if_it_had_not_been(cache, config, tmp_path, during):
    pretrain(config, cache, tmp_path / "whole")
    during((1, 1), lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted):
        pretrain(config, cache, tmp_path / "stopped")
    resume(tmp_path / "stopped")
    one, other = (
        read_checkpoint(tmp_path / run / "checkpoints" / LAST)["state_dict"]
        for run in ("whole", "stopped")
    )
    torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


def test_signals_that_follow_at_once_are_the_same_signal(cache, config, tmp_path, during):
    during((1, 0), lambda: [send(number) for number in (signal.SIGINT, signal.SIGINT, TERM)])
    with pytest.raises(Interrupted) as interrupted:
        pretrain(config, cache, tmp_path / "run")
    assert interrupted.value.signal_number == signal.SIGINT


def test_a_later_ctrl_c_leaves_at_once(cache, config, tmp_path, during, monkeypatch):
    monkeypatch.setattr("voco3d.training.stopping.ECHO", 0.0)

    class Left(BaseException):
        pass

    def leave(number, frame):
        raise Left

    before = signal.signal(signal.SIGINT, leave)
    try:
        during((1, 0), lambda: [os.kill(os.getpid(), signal.SIGINT) for _ in range(2)])
        with pytest.raises(Left):
            pretrain(config, cache, tmp_path / "run")
        assert signal.getsignal(signal.SIGINT) is leave
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_command_says_how_to_go_on(cache, config, tmp_path):
    options, out = tmp_path / "options.yaml", tmp_path / "run"
    write_config(options, cache, changed("optimisation", config, steps=10**6, warmup=10))
    command = [sys.executable, "-m", "voco3d.cli", "pretrain", "--config", options, "--out", out]
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    threading.Timer(200, process.kill).start()
    while process.poll() is None and not rows(out):
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    said, errors = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM, errors
    step = read_checkpoint(out / "checkpoints" / LAST)["global_step"]
    assert f"stopped after step {step} and saved" in said
    assert f"voco pretrain --resume {out}" in said
    assert f"voco pretrain --finish {out}" in said
    assert errors.strip() == STOPPING.decode().strip()


def rows(out: Path) -> list[str]:
    """What the record of training holds besides its head."""
    record = out / "logs" / "training.csv"
    return record.read_text().splitlines()[1:] if record.exists() else []
