import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from Testing.training.finetuning.small_run import CONFIG, STEPS, changed, unsaid
from Testing.training.finetuning.tiny_cases import write_cases
from Testing.training.outputs.disk import full_disk
from voco3d.errors import VoCoError
from voco3d.finetuning.config_file import FINETUNING
from voco3d.finetuning.module import FinetuningModule
from voco3d.finetuning.training import finetune
from voco3d.training.checkpoints import LAST, PREVIOUS, read_checkpoint
from voco3d.training.record import column, read_rows
from voco3d.training.schedule import warm_cosine

BRIEF = changed("optimisation", steps=1, warmup=0)


def rows(run: Path) -> list[dict[str, float]]:
    return read_rows(run / "logs" / "training.csv")


def test_a_run_leaves_its_options_checkpoints_logs_and_model(whole, cases):
    data, config = FINETUNING.read(whole / "config.yaml")
    assert data == cases
    assert config.init == str(whole.with_name("encoder"))
    names = {"config.yaml", "checkpoints", "logs", "model", "cases"}
    assert {path.name for path in whole.iterdir()} == names
    assert {path.name for path in (whole / "checkpoints").iterdir()} == {LAST, PREVIOUS}
    assert read_checkpoint(whole / "checkpoints" / LAST)["global_step"] == STEPS
    assert read_checkpoint(whole / "checkpoints" / PREVIOUS)["global_step"] == 6
    assert {path.name for path in (whole / "logs").iterdir()} == {"training.csv", "validation.csv"}


def test_the_same_seed_gives_the_same_run_and_another_seed_another(cases, tmp_path):
    config = changed("validation", changed("optimisation", steps=3), every=0)
    config = replace(config, store=str(tmp_path / "store"))
    losses = []
    for name, seed in (("one", 0), ("same", 0), ("other", 1)):
        finetune(replace(config, seed=seed), cases, tmp_path / name, unsaid)
        losses.append(column(rows(tmp_path / name), "loss").tolist())
    assert losses[0] == losses[1] != losses[2]
    assert {path.name for path in tmp_path.iterdir()} == {"one", "same", "other", "store"}
    rates = column(rows(tmp_path / "one"), "learning_rate")
    assert rates == pytest.approx([1e-2 * warm_cosine(step, 2, 3) for step in range(3)])


def test_a_run_learns(tmp_path):
    data = write_cases(tmp_path / "data", training=1, validation=0)
    config = changed("optimisation", steps=30, warmup=3)
    finetune(changed("validation", config, every=0), data, tmp_path / "run", unsaid)
    losses = column(rows(tmp_path / "run"), "loss")
    assert losses[-5:].mean() < 0.8 * losses[:3].mean()


def test_never_validated_the_last_weights_are_kept(tmp_path):
    data = write_cases(tmp_path / "data", training=1, validation=0)
    out = tmp_path / "run"
    finetune(changed("validation", BRIEF, every=0), data, out, unsaid)
    metadata = json.loads((out / "model" / "configs" / "metadata.json").read_text())
    assert metadata["voco"]["card"]["results"] == {}
    with pytest.raises(VoCoError, match="no labelled validation case .* validation.every 0"):
        finetune(BRIEF, data, tmp_path / "other", unsaid)


def test_it_is_said_what_was_loaded_and_nothing_else_is_heard(whole, cases, tmp_path, capfd):
    config = replace(BRIEF, init=str(whole / "model"))
    said, progress = [], []
    finetune(config, cases, tmp_path / "run", said.append, lambda *state: progress.append(state))
    assert len(said) == 1
    assert "loaded" in said[0].lower()
    assert capfd.readouterr() == ("", "")
    assert [state[:2] for state in progress if state[2] == "preparing cases"] == [
        (done, 6) for done in range(1, 7)
    ]
    assert {state[2].partition(",")[0] for state in progress} >= {"training", "validating"}


def test_a_folder_with_a_run_is_refused(whole, cases):
    with pytest.raises(VoCoError, match="holds a run already: go on with `voco finetune --resume"):
        finetune(CONFIG, cases, whole, unsaid)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (changed("compute", precision="fp16"), "fp16 needs a CUDA device"),
        (changed("crops", size=(16, 16, 18)), "16 x 16 x 18 voxels do not fit the network unet"),
        (changed("augmentation", pairs=[("liver", "cord")]), "augmentation.pairs names liver"),
        (replace(CONFIG, init="nowhere"), "no model or checkpoint nowhere"),
        (replace(CONFIG, network=CONFIG.network.__class__()), "Say which network to train"),
    ],
)
def test_what_does_not_go_together_is_refused_and_leaves_nothing(cases, tmp_path, config, message):
    with pytest.raises(VoCoError, match=message):
        finetune(config, cases, tmp_path / "run", unsaid)
    assert not (tmp_path / "run").exists()


def test_regions_that_cannot_be_written_are_refused_before_the_work(tmp_path):
    labels = {"background": 0, "glands": [1, 2], "left gland": [2]}
    data = write_cases(tmp_path / "data", training=1, labels=labels)
    content = json.loads(data.read_text())
    data.write_text(json.dumps({**content, "regions_class_order": [2, 1]}))
    with pytest.raises(VoCoError, match="do not come back"):
        finetune(CONFIG, data, tmp_path / "run", unsaid)
    assert not (tmp_path / "run").exists()


def test_a_broken_loss_stops_and_the_last_checkpoint_stays(cases, tmp_path, monkeypatch):
    step = FinetuningModule.training_step

    def broken(self, batch, batch_idx):
        if self.global_step == 4:
            batch["image"] = batch["image"] * float("nan")
        return step(self, batch, batch_idx)

    monkeypatch.setattr(FinetuningModule, "training_step", broken)
    with pytest.raises(VoCoError, match=r"At step 4 the loss is nan.*\(case\d"):
        finetune(changed("validation", every=0), cases, tmp_path / "run", unsaid)
    content = read_checkpoint(tmp_path / "run" / "checkpoints" / LAST)
    assert content["global_step"] == 3
    assert all(v.isfinite().all() for v in content["state_dict"].values())


def test_a_full_disk_is_one_sentence_and_leaves_no_half_of_anything(cases, whole, tmp_path):
    shutil.copytree(whole / "cases", tmp_path / "store")
    config = replace(BRIEF, store=str(tmp_path / "store"))
    out = tmp_path / "run"
    with pytest.raises(VoCoError, match="cannot be written"), full_disk(5000):
        finetune(config, cases, out, unsaid)
    assert not (out / "model").exists()
    assert not list((out / "checkpoints").iterdir())


def test_precision_accumulation_and_parts_train_together(cases, tmp_path):
    config = changed("compute", precision="bf16", at_once=1)
    config = changed("optimisation", config, steps=2, warmup=0, accumulate=2, average=0.5)
    finetune(changed("validation", config, every=2), cases, tmp_path / "run", unsaid)
    content = read_checkpoint(tmp_path / "run" / "checkpoints" / LAST)
    assert content["global_step"] == 2
    assert all(v.isfinite().all() for v in content["state_dict"].values())
