import csv
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from Testing.training.outputs.disk import full_disk
from Testing.training.pretraining.tiny_cache import CONFIG, SIZE, changed, write_cache
from voco3d.errors import VoCoError
from voco3d.models import read_model
from voco3d.pretraining.config_file import read_config
from voco3d.pretraining.module import VoCoModule
from voco3d.pretraining.training import load_network, pretrain, resume
from voco3d.training.checkpoints import LAST, WholeFiles, read_checkpoint
from voco3d.training.schedule import warm_cosine
from voco3d.training.trainer import make_trainer


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return write_cache(tmp_path_factory.mktemp("data") / "cache")


@pytest.fixture(scope="module")
def config():
    return changed("monitoring", log_every=1)


@pytest.fixture(scope="module")
def run(cache, config, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    assert pretrain(config, cache, out) == out / "model"
    return out


def rows(run: Path) -> list[dict[str, str]]:
    with (run / "logs" / "training.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_its_options_checkpoints_logs_and_model(run, cache, config):
    assert read_config(run / "config.yaml") == (cache, config)
    assert {path.name for path in run.iterdir()} == {"config.yaml", "checkpoints", "logs", "model"}
    assert {path.name for path in (run / "checkpoints").iterdir()} == {"last.ckpt", "previous.ckpt"}
    assert read_checkpoint(run / "checkpoints" / "previous.ckpt")["global_step"] == 4


def test_the_model_is_the_trained_network_with_the_statistics_of_its_population(run):
    assert read_model(run / "model").body_region == "plain boxes"
    network, bases = read_model(run / "model").load_positions()
    trained = load_network(run)
    expected = trained.state_dict()
    learned = [key for key, p in trained.named_parameters() if p.requires_grad]
    assert len(learned) > 10
    for key in learned:
        assert torch.equal(network.state_dict()[key], expected[key]), key
    assert bases.shape == (4, 32)
    counts = network.projector.norm1.running_var, trained.projector.norm1.running_var
    assert not torch.equal(*counts)


def test_the_learning_rate_is_that_of_each_step(run, config):
    rates = [float(row["learning_rate"]) for row in rows(run)]
    expected = [config.optimisation.learning_rate * warm_cosine(step, 2, 6) for step in range(6)]
    assert rates == pytest.approx(expected)


def test_the_same_seed_gives_the_same_run_and_another_seed_another(cache, config, run, tmp_path):
    pretrain(config, cache, tmp_path / "same")
    pretrain(replace(config, seed=1), cache, tmp_path / "other")
    losses = [
        [row["loss"] for row in rows(folder)]
        for folder in (run, tmp_path / "same", tmp_path / "other")
    ]
    assert losses[0] == losses[1] != losses[2]


def test_nothing_but_the_monitor_is_heard(cache, config, tmp_path, capfd, recwarn):
    pretrain(config, cache, tmp_path / "run")
    said = capfd.readouterr()
    assert said.err == ""
    assert said.out.startswith("step 0/6")
    for word in ("ightning", "GPU", "available", "Trainer", ".py"):
        assert word not in said.out
    assert not [w for w in recwarn if "lightning" in str(w.filename)]


def test_a_folder_with_a_run_is_refused(run, cache, config):
    with pytest.raises(VoCoError, match="holds a run already"):
        pretrain(config, cache, run)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ({"training": 0}, {}, "no training volumes"),
        ({"shape": (2, *SIZE)}, {}, "t0 .* has 2 channels, but network.in_channels is 1"),
        ({"shape": (1, 32, 24, 16)}, {}, "32 x 24 x 16 voxels, .* needs 32 x 32 x 16"),
        ({}, {"precision": "fp16"}, "fp16 needs a CUDA device"),
    ],
)
def test_what_does_not_go_together_is_refused_and_leaves_nothing(tmp_path, data, options, message):
    cache = write_cache(tmp_path / "cache", **data)
    with pytest.raises(VoCoError, match=message):
        pretrain(changed("compute", **options), cache, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_small_volumes_of_one_spacing_are_padded_and_said(tmp_path):
    settings = {"size": None, "spacing": (1.0, 1.0, 2.0)}
    cache = write_cache(tmp_path / "cache", shape=(1, 32, 24, 16), **settings)
    said = []
    pretrain(changed("optimisation", steps=1, warmup=0), cache, tmp_path / "run", said.append)
    assert said == ["7 of 7 volumes are smaller than the grid and are padded with air."]


@pytest.mark.parametrize("variable", ["WORLD_SIZE", "SLURM_NTASKS"])
def test_more_processes_than_devices_are_refused(monkeypatch, tmp_path, variable):
    elastic = {"GROUP_RANK": "0", "TORCHELASTIC_RUN_ID": "1", "RANK": "0", "LOCAL_RANK": "0"}
    slurm = {"SLURM_JOB_NAME": "job", "SLURM_NTASKS": "2"}
    for name, value in (elastic if variable == "WORLD_SIZE" else slurm).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(variable, "2")
    with pytest.raises(VoCoError, match="2 processes were started, but .* 1 x 1"):
        make_trainer(CONFIG.compute, 1, 1, tmp_path, [])


@pytest.mark.parametrize("by_name", [False, True])
def test_a_run_starts_from_given_weights(by_name, run, cache, config, tmp_path, monkeypatch):
    monkeypatch.setenv("VOCO_MODELS", str(tmp_path / "models"))
    shutil.copytree(run / "model", tmp_path / "models" / "mine")
    begun = {}
    step = VoCoModule.training_step

    def first(self, batch, batch_idx):
        begun.setdefault("weight", self.network.projector.linear1.weight.detach().clone())
        return step(self, batch, batch_idx)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VoCoModule, "training_step", first)
        said = []
        start = changed("network", config, init=Path("mine") if by_name else run / "model")
        pretrain(start, cache, tmp_path / "run", said.append)
    assert torch.equal(begun["weight"], load_network(run).projector.linear1.weight)
    assert len(said) == 1


def test_a_broken_loss_stops_and_the_last_checkpoint_stays(cache, config, tmp_path, monkeypatch):
    step = VoCoModule.training_step

    def broken(self, batch, batch_idx):
        if self.global_step == 5:
            batch["crops"] = batch["crops"] * torch.nan
        return step(self, batch, batch_idx)

    monkeypatch.setattr(VoCoModule, "training_step", broken)
    with pytest.raises(VoCoError, match=r"At step 5 the loss is nan.*\(t\d, t\d\)"):
        pretrain(config, cache, tmp_path / "run")
    content = read_checkpoint(tmp_path / "run" / "checkpoints" / LAST)
    assert content["global_step"] == 4
    assert all(v.isfinite().all() for v in content["state_dict"].values())


def test_a_checkpoint_that_cannot_be_read_back_leaves_the_older_one(tmp_path, monkeypatch):
    """A network drive may lose the end of a file without a word."""
    writer, path = WholeFiles(), tmp_path / LAST
    writer.save_checkpoint({"step": 1}, path)
    save = torch.save

    def cut_off(content, file):
        save(content, file)
        file.write_bytes(file.read_bytes()[:-20])

    monkeypatch.setattr(torch, "save", cut_off)
    with pytest.raises(VoCoError, match="cannot be written"):
        writer.save_checkpoint({"step": 2}, path)
    assert read_checkpoint(path) == {"step": 1}
    assert [file.name for file in tmp_path.iterdir()] == [LAST]


def test_a_full_disk_leaves_the_older_checkpoints(run, tmp_path):
    folder = Path(shutil.copytree(run / "checkpoints", tmp_path / "checkpoints"))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(VoCoError, match="cannot be written"), full_disk():
        WholeFiles().save_checkpoint({"weights": torch.rand(100_000)}, folder / LAST)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_precision_accumulation_and_parts_train_together(cache, tmp_path):
    config = changed("compute", replace(CONFIG, recipe="cvpr-code"), precision="bf16", at_once=4)
    config = changed("optimisation", config, steps=2, warmup=0, accumulate=2, amsgrad=True)
    pretrain(config, cache, tmp_path / "run")
    content = read_checkpoint(tmp_path / "run" / "checkpoints" / LAST)
    assert content["global_step"] == 2
    assert "max_exp_avg_sq" in content["optimizer_states"][0]["state"][0]
    assert resume(tmp_path / "run", lambda text: None) == tmp_path / "run" / "model"
