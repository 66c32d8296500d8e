"""Training on a graphics card: the same losses as on the CPU, in every precision, and resumed."""

import signal
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from Testing.training.finetuning import small_run, tiny_cases
from Testing.training.pretraining import tiny_cache
from voco3d.finetuning.module import FinetuningModule
from voco3d.finetuning.training import finetune
from voco3d.finetuning.training import resume as resume_finetuning
from voco3d.inference import Segmenter
from voco3d.pretraining.config_file import PRETRAINING
from voco3d.pretraining.module import VoCoModule
from voco3d.pretraining.training import pretrain
from voco3d.pretraining.training import resume as resume_pretraining
from voco3d.training.checkpoints import LAST, read_checkpoint
from voco3d.training.record import read_rows
from voco3d.training.stopping import Interrupted

WAYS = {
    "fp32": {},
    "bf16": {"precision": "bf16"},
    "fp16": {"precision": "fp16"},
    "at once": {"at_once": 3},
    "compiled": {"compile": True},
    "compiled bf16": {"compile": True, "precision": "bf16"},
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tiny_cache.write_cache(tmp_path_factory.mktemp("data") / "cache")


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return tiny_cases.write_cases(tmp_path_factory.mktemp("cases"), validation=2)


def record(run):
    return run / "logs" / "training.csv"


def losses(run):
    return [row["loss"] for row in read_rows(record(run))]


def pretraining(recipe="paper", **compute):
    config = replace(tiny_cache.CONFIG, recipe=recipe)
    config = tiny_cache.changed("monitoring", config, log_every=1)
    return tiny_cache.changed("compute", config, device="cuda", **compute)


def finetuning(**compute):
    return small_run.changed("compute", device="cuda", **compute)


def assert_alike(one, other):
    """Rounding, which every step carries on, may change little at first."""
    assert len(one) == len(other) == 6
    np.testing.assert_allclose(one[0], other[0], rtol=0.05)
    np.testing.assert_allclose(one[1:3], other[1:3], rtol=0.15)


@pytest.mark.parametrize("recipe", ["paper", "cvpr-code", "tpami"])
def test_pretraining_has_the_losses_of_the_cpu(recipe, cache, tmp_path, exact):
    pretrain(pretraining(recipe), cache, tmp_path / "card")
    on_cpu = tiny_cache.changed("compute", pretraining(recipe), device="cpu")
    pretrain(on_cpu, cache, tmp_path / "main")
    assert len(losses(tmp_path / "card")) == 6
    np.testing.assert_allclose(losses(tmp_path / "card"), losses(tmp_path / "main"), rtol=5e-3)


@pytest.mark.parametrize("way", WAYS)
def test_pretraining_in_every_way_is_near_single_precision(way, cache, tmp_path):
    pretrain(pretraining("cvpr-code"), cache, tmp_path / "plain")
    pretrain(pretraining("cvpr-code", **WAYS[way]), cache, tmp_path / "way")
    assert_alike(losses(tmp_path / "way"), losses(tmp_path / "plain"))


def test_finetuning_has_the_losses_of_the_cpu(cases, tmp_path, exact):
    finetune(finetuning(), cases, tmp_path / "card", small_run.unsaid)
    finetune(small_run.CONFIG, cases, tmp_path / "main", small_run.unsaid)
    assert len(losses(tmp_path / "card")) == 6
    np.testing.assert_allclose(losses(tmp_path / "card"), losses(tmp_path / "main"), rtol=5e-3)


@pytest.mark.parametrize("way", WAYS)
def test_finetuning_in_every_way_leaves_a_model_for_any_machine(way, cases, tmp_path, phantom):
    finetune(finetuning(), cases, tmp_path / "plain", small_run.unsaid)
    model = finetune(finetuning(**WAYS[way]), cases, tmp_path / "way", small_run.unsaid)
    assert_alike(losses(tmp_path / "way"), losses(tmp_path / "plain"))
    labels = Segmenter(model, "cpu")(phantom.image)
    assert labels.GetSize() == phantom.image.GetSize()
    assert sitk.GetArrayViewFromImage(labels).max() <= 3


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("kind", ["pretraining", "fine-tuning"])
def test_a_stopped_run_goes_on(kind, precision, cache, cases, tmp_path, monkeypatch):
    if kind == "pretraining":
        module, data, train, again = VoCoModule, cache, pretrain, resume_pretraining
        config = pretraining("cvpr-code", precision=precision)
    else:
        module, data, train, again = FinetuningModule, cases, _finetune, resume_finetuning
        config = finetuning(precision=precision)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train(config, data, whole)
    step = module.training_step

    def stops(self, batch, batch_idx):
        if self.global_step == 3:
            signal.raise_signal(signal.SIGTERM)
        return step(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(module, "training_step", stops)
        with pytest.raises(Interrupted):
            train(config, data, stopped)
    before, steps = record(stopped).read_text(), len(losses(stopped))
    again(stopped)
    assert 3 <= steps < 6
    assert record(stopped).read_text().startswith(before)  # seconds too: no step was taken again
    one, other = (read_checkpoint(run / "checkpoints" / LAST) for run in (whole, stopped))
    assert one["global_step"] == other["global_step"] == 6
    torch.testing.assert_close(
        one["state_dict"], other["state_dict"], atol=1e-3, rtol=1e-3, check_device=False
    )


def test_a_run_begun_on_the_card_goes_on_on_the_cpu(cache, tmp_path):
    out = tmp_path / "run"
    pretrain(tiny_cache.changed("optimisation", pretraining("tpami"), steps=3), cache, out)
    before = record(out).read_text()
    data, config = PRETRAINING.read(out / "config.yaml")
    config = tiny_cache.changed("optimisation", config, steps=6)
    PRETRAINING.write(
        out / "config.yaml", data, tiny_cache.changed("compute", config, device="cpu")
    )
    resume_pretraining(out)
    assert len(losses(out)) == 6
    assert record(out).read_text().startswith(before)


def _finetune(config, data, out):
    return finetune(config, data, out, small_run.unsaid)
