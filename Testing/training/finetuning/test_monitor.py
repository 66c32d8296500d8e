"""What is recorded, which weights are kept and when a run ends."""

import math

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader

from Testing.training.finetuning.small_run import CONFIG
from Testing.training.outputs.disk import full_disk
from voco3d.errors import VoCoError
from voco3d.finetuning.config import FinetuneConfig, Validation
from voco3d.finetuning.monitor import (
    TRAINING_COLUMNS,
    Judgement,
    Monitor,
    best_row,
    column_means,
    highest,
    since_best,
)
from voco3d.training.module import TrainingModule
from voco3d.training.record import column, read_rows

NAN = math.nan


class SmallModule(TrainingModule):
    """A number that grows by 1 a step: a network's weights tell when they were taken."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.network.weight)
        self.compute, self.clip, self.seed = CONFIG.compute, None, 0

    def training_step(self, batch, batch_idx):
        assert self.network.training
        return -self.network(torch.ones(1, 1)).sum() + 2 * float(batch[0])

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=1.0)
        rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": rate, "interval": "step"}}

    @property
    def result(self) -> nn.Module:
        return self.network

    def options(self) -> FinetuneConfig:
        return CONFIG

    def names_of_batch(self) -> list[str]:
        return []


def judged(table: dict[int, list[list[float]]], names: tuple[str, ...] = ("a", "b")) -> Judgement:
    """Scores of the cases by step: the weight says which step it is."""

    def score(network, case):
        assert not network.training
        return table[round(network.weight.item())][case]

    return Judgement(names, len(next(iter(table.values()))), len(names), score)


class Save(pl.Callback):
    """Saves a checkpoint after these steps."""

    def __init__(self, folder, steps) -> None:
        self.folder, self.steps = folder, steps

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        if trainer.global_step in self.steps:
            trainer.save_checkpoint(self.folder / f"{trainer.global_step}.ckpt")


def train(monitor, steps, module=None, checkpoint=None, callbacks=()):
    trainer = pl.Trainer(
        accelerator="cpu",
        max_steps=steps,
        callbacks=[monitor, *callbacks],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    first = int(checkpoint.stem) if checkpoint is not None else 0
    batches = DataLoader([float(number) for number in range(first, 100)], batch_size=1)
    trainer.fit(module or SmallModule(), batches, ckpt_path=checkpoint, weights_only=True)


def run_of(folder, table, steps=6, checkpoint=None, save=(), told=None, **options):
    told = [] if told is None else told
    options = Validation(**{"every": 2, "log_every": 2, **options})
    monitor = Monitor(folder, options, judged(table), lambda *state: told.append(state))
    train(monitor, steps, None, checkpoint, [Save(folder, save)])
    return monitor


def steady(steps, *scores):
    return {step: [list(scores)] for step in range(2, steps + 1, 2)}


RISING = {2: [[0.1, 0.3]], 4: [[0.2, 0.4]], 6: [[0.5, 0.5]], 8: [[0.4, 0.4]], 10: [[0.3, 0.3]]}


def test_a_run_is_written_down(tmp_path):
    monitor = run_of(tmp_path, {**RISING, 7: [[0.7, NAN]]}, steps=7)
    training = read_rows(tmp_path / "logs" / "training.csv")
    assert tuple(training[0]) == TRAINING_COLUMNS
    assert column(training, "step").tolist() == [2, 4, 6, 7]
    # batch k gives 2 k - k: the number has grown by one a step
    assert column(training, "loss").tolist() == pytest.approx([0.5, 2.5, 4.5, 6])
    assert column(training, "gradient_norm").tolist() == pytest.approx([1] * 4)
    assert column(training, "learning_rate").tolist() == pytest.approx([1] * 4)
    assert (np.diff(column(training, "seconds")) > 0).all()
    validation = read_rows(tmp_path / "logs" / "validation.csv")
    assert tuple(validation[0]) == ("step", "seconds", "mean", "a", "b")
    assert column(validation, "step").tolist() == [2, 4, 6, 7]
    assert column(validation, "mean").tolist() == pytest.approx([0.2, 0.3, 0.5, 0.7])
    assert math.isnan(validation[-1]["b"])
    assert monitor.best["weight"].item() == 7


def test_the_learning_rate_is_that_which_the_step_used(tmp_path):
    class Falling(SmallModule):
        def configure_optimizers(self):
            planned = super().configure_optimizers()
            planned["lr_scheduler"]["scheduler"].lr_lambdas = [lambda step: 1.0 if step < 3 else 0]
            return planned

    monitor = Monitor(tmp_path, Validation(every=0, log_every=1), judged(RISING))
    train(monitor, 4, Falling())
    rates = column(read_rows(tmp_path / "logs" / "training.csv"), "learning_rate")
    assert rates.tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize("worse", [0.1, 0.5, NAN])
def test_the_best_weights_are_those_of_the_best_row(tmp_path, worse):
    table = {2: [[0.1, 0.1]], 4: [[0.5, 0.5]], 6: [[worse, worse]]}
    monitor = run_of(tmp_path, table)
    assert monitor.best["weight"].item() == best_row(tmp_path)["step"] == 4
    network = SmallModule().network
    monitor.restore_best(network)
    assert network.weight.item() == 4


def test_without_any_score_there_is_no_best(tmp_path):
    monitor = run_of(tmp_path, steady(6, NAN, NAN))
    assert monitor.best is None
    assert best_row(tmp_path) is None
    assert column(read_rows(tmp_path / "logs" / "validation.csv"), "step").tolist() == [2, 4, 6]
    network = SmallModule().network
    monitor.restore_best(network)
    assert network.weight.item() == 0


@pytest.mark.parametrize(("kept", "lost"), [(4, 6), (5, 6), (6, 8)])
def test_a_resumed_run_goes_on_with_its_records_and_its_best_weights(tmp_path, kept, lost):
    """Also where another run of the lost steps would not come out the same."""
    lucky = {**RISING, lost: [[0.9, 0.9]], 9: [[0, 0]]}
    run_of(tmp_path, lucky, steps=9, save=[kept], log_every=3)
    assert best_row(tmp_path)["step"] == lost
    before = read_rows(tmp_path / "logs" / "training.csv")[kept // 3 - 1]["seconds"]

    monitor = run_of(tmp_path, RISING, 10, tmp_path / f"{kept}.ckpt", log_every=3)

    training = read_rows(tmp_path / "logs" / "training.csv")
    assert column(training, "step").tolist() == [3, 6, 9, 10]
    assert column(training, "loss").tolist() == pytest.approx([1, 4, 7, 9])
    assert (np.diff(column(training, "seconds")) > 0).all()
    assert training[kept // 3]["seconds"] > before
    validation = read_rows(tmp_path / "logs" / "validation.csv")
    assert column(validation, "step").tolist() == [2, 4, 6, 8, 10]
    assert column(validation, "mean").tolist() == pytest.approx([0.2, 0.3, 0.5, 0.4, 0.3])
    assert monitor.best["weight"].item() == best_row(tmp_path)["step"] == 6


@pytest.mark.parametrize(("patience", "last"), [(None, 10), (1, 8), (2, 10), (3, 10)])
def test_patience(tmp_path, patience, last):
    run_of(tmp_path, RISING, 10, patience=patience)
    assert read_rows(tmp_path / "logs" / "validation.csv")[-1]["step"] == last


def test_never_validated(tmp_path):
    monitor = run_of(tmp_path, {2: [[1, 1]]}, every=0, patience=1)
    assert monitor.best is None
    assert read_rows(tmp_path / "logs" / "validation.csv") == []
    assert len(read_rows(tmp_path / "logs" / "training.csv")) == 3


def test_progress_is_told_in_steps_and_cases(tmp_path):
    told = []
    table = {2: [[0.1, 0.3], [0.1, NAN]], 4: [[0, 0], [0, 0]]}
    run_of(tmp_path, table, steps=4, told=told)
    assert told == [
        (2, 4, "training, loss 0.500"),
        (1, 2, "validating"),
        (2, 2, "validating"),
        (4, 4, "training, loss 2.500, best validation 0.200"),
        (1, 2, "validating"),
        (2, 2, "validating"),
    ]


def test_columns_are_means_over_the_cases_that_have_a_score():
    scores = np.array([[0.1, NAN, NAN], [0.3, 0.5, NAN]])
    np.testing.assert_allclose(column_means(scores), [0.2, 0.5, NAN])


def test_the_first_of_equals_is_the_best():
    assert [since_best(m) for m in ([], [1], [NAN], [1, NAN], [NAN, 1], [1, 2, 2], [3, 2, 1])] == [
        0,
        0,
        1,
        1,
        0,
        1,
        2,
    ]
    assert highest([NAN, 2, NAN, 3]) == 3
    assert highest([NAN]) is highest([]) is None


def test_names_with_commas_are_columns(tmp_path):
    judgement = judged({1: [[0.25, 0.5]]}, ("a, b", 'the "c"'))
    train(Monitor(tmp_path, Validation(every=1), judgement), 1)
    row = read_rows(tmp_path / "logs" / "validation.csv")[0]
    assert (row["a, b"], row['the "c"']) == (0.25, 0.5)


@pytest.mark.parametrize("room", [8, 60])
def test_records_that_cannot_be_written_are_one_sentence(tmp_path, room):
    """Neither their head, nor a row."""
    with (
        pytest.raises(VoCoError, match=r"training.csv cannot be written \(File too"),
        full_disk(room),
    ):
        run_of(tmp_path, RISING, steps=2)
