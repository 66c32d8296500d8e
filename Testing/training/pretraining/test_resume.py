"""A run that was ended, in whatever way, ends up as one that was not."""

import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from Testing.training.pretraining.tiny_cache import CONFIG, changed, write_cache
from Testing.training.training.damage import flip_a_bit, truncate
from voco3d.errors import VoCoError
from voco3d.pretraining.config import PretrainConfig
from voco3d.pretraining.training import pretrain, resume
from voco3d.training.checkpoints import LAST, PREVIOUS, newest_checkpoint, read_checkpoint

STEPS = 7


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return write_cache(tmp_path_factory.mktemp("data") / "cache")


@pytest.fixture(scope="module")
def config() -> PretrainConfig:
    """A recipe with a teacher, accumulation, workers: all there is to remember."""
    config = changed("optimisation", replace(CONFIG, recipe="cvpr-code"), steps=STEPS, accumulate=2)
    return changed("monitoring", changed("compute", config, workers=1), save_every=3)


@pytest.fixture(scope="module")
def whole(cache, config, tmp_path_factory) -> Path:
    """The folder of a run that nothing interrupted."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    pretrain(config, cache, out)
    return out


def assert_same_end(one: Path, other: Path) -> None:
    first, second = (read_checkpoint(run / "checkpoints" / LAST) for run in (one, other))
    assert first["global_step"] == second["global_step"] == STEPS
    for part in ("state_dict", "optimizer_states", "lr_schedulers"):
        torch.testing.assert_close(first[part], second[part], atol=1e-6, rtol=0)


KILLED = """
import os, signal, sys
from pathlib import Path
from voco3d.pretraining.config_file import read_config
from voco3d.pretraining.module import VoCoModule
from voco3d.pretraining.training import pretrain

config_file, out, step, micro_batch = Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:])
train = VoCoModule.training_step

def training_step(self, batch, batch_idx):
    if (self.global_step, batch_idx % 2) == (step, micro_batch):
        os.kill(os.getpid(), signal.SIGKILL)
    return train(self, batch, batch_idx)

VoCoModule.training_step = training_step
data, config = read_config(config_file)
pretrain(config, data, out)
"""


@pytest.mark.parametrize(("step", "micro_batch"), [(1, 0), (5, 1)])
def test_killed_at_a_step_and_resumed(whole, tmp_path, step, micro_batch):
    out = tmp_path / "run"
    arguments = [whole / "config.yaml", out, step, micro_batch]
    killed = subprocess.run([sys.executable, "-c", KILLED, *map(str, arguments)], check=False)
    assert killed.returncode == -signal.SIGKILL
    saved = newest_checkpoint(out / "checkpoints")
    assert (read_checkpoint(saved)["global_step"] if saved else 0) == step // 3 * 3
    resume(out)
    assert_same_end(whole, out)


def test_a_finished_run_is_left_as_it_is(whole):
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*")}
    said = []
    assert resume(whole, said.append) == whole / "model"
    assert said == [f"{whole} is finished: all {STEPS} steps are done."]
    assert {path: path.stat().st_mtime_ns for path in whole.rglob("*")} == before


def test_a_run_killed_between_its_last_step_and_its_model_gets_the_model(whole, copy_of):
    out = copy_of(whole)
    shutil.rmtree(out / "model")
    resume(out)
    assert (out / "model" / "models" / "model.safetensors").read_bytes() == (
        whole / "model" / "models" / "model.safetensors"
    ).read_bytes()


@pytest.fixture
def copy_of(tmp_path):
    return lambda run: Path(shutil.copytree(run, tmp_path / "copy"))


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


def test_a_checkpoint_holds_what_it_takes_and_no_code(whole, config):
    content = torch.load(whole / "checkpoints" / LAST, weights_only=True)
    keys = content["state_dict"].keys()
    for part in ("network.backbone.", "network.projector.", "teacher.average."):
        assert any(key.startswith(part) for key in keys)
    assert content["global_step"] == STEPS
    assert content["config"] == config.to_plain()
    assert content["optimizer_states"]
    assert content["lr_schedulers"][0]["last_epoch"] == STEPS
