import io
import math
import time

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from Testing.training.pretraining.small_run import SmallModule, small_probe, train
from voco3d.losses import RECIPES
from voco3d.pretraining.monitoring.columns import PROBE_COLUMNS, TRAINING_COLUMNS
from voco3d.pretraining.monitoring.display import Status, duration, make_display
from voco3d.pretraining.monitoring.examples import read_examples
from voco3d.pretraining.monitoring.monitor import Monitor, gpu_memory, off_diagonal_mean
from voco3d.pretraining.monitoring.probe import Probe
from voco3d.pretraining.monitoring.window import Window
from voco3d.training.record import column, read_rows


def monitor(run, console=None, **changes):
    settings = {"log_every": 2, "probe_every": 4, "warmup": 100, **changes}
    console = console or Console(file=io.StringIO())
    return Monitor(run, small_probe(), console=console, **settings)


class Losses(pl.Callback):
    """What each step really gave."""

    def __init__(self):
        self.prediction, self.norm = [], []

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        self.prediction.append(float(outputs["prediction"]))
        self.norm.append(module.gradient_norm)


class KilledError(Exception):
    pass


class KillAt(pl.Callback):
    def __init__(self, step, checkpoint, saved=1):
        self.step, self.checkpoint, self.saved = step, checkpoint, saved

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        if trainer.global_step == self.saved:
            trainer.save_checkpoint(self.checkpoint)
        if trainer.global_step == self.step:
            raise KilledError


def test_a_run_is_written_down(tmp_path):
    real = Losses()
    train(tmp_path, [real, monitor(tmp_path)], 10)
    logs = tmp_path / "logs"

    training = read_rows(logs / "training.csv")
    assert tuple(training[0]) == TRAINING_COLUMNS
    assert column(training, "step").tolist() == [2, 4, 6, 8, 10]
    pairs = np.reshape(real.prediction, (5, 2)).mean(1)
    np.testing.assert_allclose(column(training, "prediction"), pairs, rtol=1e-6)
    np.testing.assert_allclose(
        column(training, "gradient_norm"), np.reshape(real.norm, (5, 2)).mean(1), rtol=1e-6
    )
    np.testing.assert_allclose(
        column(training, "loss"),
        column(training, "prediction") + column(training, "regularisation"),
        rtol=1e-5,
    )
    assert (np.diff(column(training, "seconds")) > 0).all()
    assert (column(training, "volumes_per_second") > 0).all()
    shares = column(training, "waiting_share")
    assert ((shares >= 0) & (shares < 1)).all()
    assert column(training, "learning_rate").tolist() == pytest.approx([3e-3] * 5)

    probes = read_rows(logs / "probe.csv")
    assert tuple(probes[0]) == PROBE_COLUMNS
    assert column(probes, "step").tolist() == [0, 4, 8, 10]
    assert column(probes, "chance").tolist() == [0.25] * 4
    assert column(probes, "untrained").tolist() == [probes[0]["top1"]] * 4
    for probe in probes:
        matrix = np.load(logs / f"similarity/{int(probe['step']):09d}.npy", allow_pickle=False)
        assert matrix.shape == (4, 4)
        mean = matrix[~np.eye(4, dtype=bool)].mean()
        assert probe["similarity"] == pytest.approx(mean, abs=1e-6)
        logits = np.load(logs / f"logits/{int(probe['step']):09d}.npy", allow_pickle=False)
        assert logits.shape == (2, 2, 4)
    assert len(read_examples(logs / "examples.npz").crops) == 2
    assert (logs / "warnings.txt").read_text() == ""


def test_the_last_probe_is_that_of_the_trained_network_and_the_first_of_the_untrained(tmp_path):
    module = SmallModule()
    first = small_probe().measure(module.network, RECIPES["paper"])
    train(tmp_path, [monitor(tmp_path)], 6, module)
    last = small_probe().measure(module.network, RECIPES["paper"])
    probes = read_rows(tmp_path / "logs" / "probe.csv")
    for row, result in ((probes[0], first), (probes[-1], last)):
        for name in ("top1", "reference_top1", "overlap_error", "prediction", "effective_rank"):
            assert row[name] == pytest.approx(getattr(result, name), rel=1e-6)
    assert last.prediction != first.prediction


def test_watching_does_not_change_what_is_learnt(tmp_path):
    watched, alone = SmallModule(), SmallModule()
    train(tmp_path, [monitor(tmp_path, probe_every=2)], 6, watched)
    train(tmp_path, [], 6, alone)
    for name, value in alone.state_dict().items():
        assert torch.equal(value, watched.state_dict()[name]), name


def test_rows_are_those_of_optimiser_steps_when_gradients_are_accumulated(tmp_path):
    real = Losses()
    train(tmp_path, [real, monitor(tmp_path)], 4, accumulate_grad_batches=3)
    training = read_rows(tmp_path / "logs" / "training.csv")
    assert column(training, "step").tolist() == [2, 4]
    means = np.reshape(real.prediction, (2, 6)).mean(1)
    np.testing.assert_allclose(column(training, "prediction"), means, rtol=1e-6)
    np.testing.assert_allclose(
        column(training, "loss"),
        column(training, "prediction") + column(training, "regularisation"),
        rtol=1e-5,
    )


def test_a_resumed_run_continues_its_records(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    checkpoint = broken / "last.ckpt"
    broken.mkdir()
    train(whole, [monitor(whole)], 12)
    with pytest.raises(KilledError):
        train(broken, [monitor(broken), KillAt(11, checkpoint, saved=7)], 12)
    logs = broken / "logs"
    (logs / "similarity" / "000000011.npy").write_bytes(b"of the future")
    before = read_rows(logs / "training.csv")[2]["seconds"]

    time.sleep(1)  # TensorBoard reads its files by name, which tells whole seconds apart
    train(broken, [monitor(broken)], 12, checkpoint=checkpoint)

    training = read_rows(logs / "training.csv")
    assert column(training, "step").tolist() == [2, 4, 6, 8, 10, 12]
    assert training[3]["seconds"] > before
    probes = read_rows(logs / "probe.csv")
    assert column(probes, "step").tolist() == [0, 4, 8, 12]
    assert column(probes, "untrained").tolist() == [probes[0]["top1"]] * 4
    names = sorted(path.name for path in (logs / "similarity").iterdir())
    assert names == [f"{step:09d}.npy" for step in (0, 4, 8, 12)]
    events = EventAccumulator(str(logs / "tensorboard"), size_guidance={"scalars": 0}).Reload()
    assert [e.step for e in events.Scalars("training/prediction")] == [2, 4, 6, 8, 10, 12]
    assert [e.step for e in events.Scalars("probe/top1")] == [0, 4, 8, 12]
    assert [e.value for e in events.Scalars("probe/top1")] == pytest.approx(
        column(probes, "top1").tolist()
    )


def test_a_collapse_is_said_on_the_terminal_and_written_down(tmp_path):
    module = SmallModule(learning_rate=0.0)
    with torch.no_grad():
        module.network.projector.linear3.weight.zero_()
    said = io.StringIO()
    train(tmp_path, [monitor(tmp_path, Console(file=said), warmup=4)], 8, module)
    warnings = (tmp_path / "logs" / "warnings.txt").read_text().splitlines()
    assert len(warnings) == 1
    assert warnings[0].startswith("WARNING at step 4: collapsed.")
    assert "lower learning rate" in warnings[0]
    assert said.getvalue().count(warnings[0]) == 1


def test_a_run_that_is_told_to_stop_is_not_probed_once_more(tmp_path):
    class Stop(pl.Callback):
        def on_train_batch_end(self, trainer, module, outputs, batch, index):
            trainer.should_stop = trainer.global_step == 5

    train(tmp_path, [monitor(tmp_path), Stop()], 12)
    assert column(read_rows(tmp_path / "logs" / "probe.csv"), "step").tolist() == [0, 4]


def test_plain_lines_are_one_a_probe_with_all_figures(tmp_path):
    said = io.StringIO()
    train(tmp_path, [monitor(tmp_path, Console(file=said))], 8)
    lines = said.getvalue().splitlines()
    assert [line.split(" | ")[0] for line in lines] == ["step 0/8", "step 4/8", "step 8/8"]
    probe = read_rows(tmp_path / "logs" / "probe.csv")[-1]
    training = read_rows(tmp_path / "logs" / "training.csv")[-1]
    for part in (
        f"L_pred: {training['prediction']:.4f}",
        f"L_reg: {training['regularisation']:.4f}",
        f"top-1: {probe['top1']:.2f} (chance 0.25, untrained {probe['untrained']:.2f})",
        f"top-1 against reference bases: {probe['reference_top1']:.2f}",
        f"overlap error: {probe['overlap_error']:.4f}",
        f"effective rank: {probe['effective_rank']:.1f}",
        f"similarity of bases: {probe['similarity']:.2f}",
        f"gradient norm: {training['gradient_norm']:.3g}",
        f"volumes/s: {training['volumes_per_second']:.3g}",
        f"waiting for data: {training['waiting_share']:.0%}",
    ):
        assert part in lines[-1]
    assert "time left" in lines[1]


def test_a_terminal_gets_a_panel_that_is_taken_down_when_training_breaks(tmp_path):
    said = io.StringIO()
    console = Console(file=said, force_terminal=True, width=100)
    with pytest.raises(KilledError):
        train(tmp_path, [monitor(tmp_path, console), KillAt(5, tmp_path / "last.ckpt")], 8)
    assert "VoCo pre-training" in said.getvalue()
    assert "step 4/8" in said.getvalue()
    hidden, shown = "\x1b[?25l", "\x1b[?25h"
    assert said.getvalue().rfind(shown) > said.getvalue().rfind(hidden)


def test_gpu_memory_is_shown_where_there_is_a_gpu():
    said = io.StringIO()
    training = dict.fromkeys(TRAINING_COLUMNS, 1.0) | {"gpu_memory_gib": 12.34}
    make_display(Console(file=said)).probed(Status(1, 2, 3.0, training, {}, None))
    assert "GPU memory: 12.3 GiB" in said.getvalue()
    assert math.isnan(gpu_memory(torch.device("cpu")))


@pytest.mark.parametrize(
    ("seconds", "text"), [(7, "7 s"), (185, "3 min 05 s"), (3 * 3600 + 301, "3 h 05 min")]
)
def test_times_are_for_people(seconds, text):
    assert duration(seconds) == text


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_waiting_is_the_time_between_batches_without_interruptions():
    clock = Clock()
    window = Window(clock)

    def step(start, end, interrupted_at=None):
        clock.now = start
        window.started()
        if interrupted_at is not None:
            clock.now = interrupted_at
            window.interrupt()
        clock.now = end
        window.ended({"loss": end}, volumes=2)

    step(1, 4)
    step(5, 8)  # 1 s of waiting
    step(10, 19, interrupted_at=12)  # 2 s of waiting, 2 s of work, 7 s of saving
    window.interrupt()
    step(50, 51)  # a probe went before
    row = window.row()
    assert row["loss"] == pytest.approx((4 + 8 + 19 + 51) / 4)
    assert row["waiting_share"] == pytest.approx(3 / (3 + 3 + 3 + 2 + 1))
    assert row["volumes_per_second"] == pytest.approx(8 / 12)
    assert not window


def test_fetching_the_means_from_a_device_is_work_not_waiting():
    clock = Clock()
    window = Window(clock)
    window.started()
    clock.now = 1
    window.ended({}, volumes=1)
    clock.now = 4  # the device was still at work
    assert window.row()["volumes_per_second"] == pytest.approx(1 / 4)
    clock.now = 5
    window.started()
    clock.now = 6
    window.ended({}, volumes=1)
    assert window.row()["waiting_share"] == pytest.approx(1 / 2)


def test_the_mean_similarity_leaves_out_the_diagonal():
    assert off_diagonal_mean(np.array([[1, 0.2], [0.4, 1]], np.float32)) == pytest.approx(0.3)
    assert math.isnan(off_diagonal_mean(np.ones((1, 1), np.float32)))


def test_the_probe_of_a_cache_takes_fixed_volumes_of_both_parts():
    class Parts:
        volumes = (None,) * 60

        def part(self, name):
            return tuple(range(0, 60, 3)) if name == "validation" else (1, 2, 4)

    from voco3d.geometry import BaseGrid

    probe = Probe.over(Parts(), BaseGrid((2, 2, 1), (8, 8, 8)), volumes=5, crops=7)
    assert [draw.case for draw in probe.draws] == [0, 15, 30, 42, 57]
    assert [draw.case for draw in probe.population] == [1, 2, 4]
    numbers = [draw.number for draw in probe.draws + probe.population]
    assert numbers == list(range(8))
    assert probe.dataset.crops == 7
    assert probe.dataset.augmentation == type(probe.dataset.augmentation)(0, 0, 0, 0)
