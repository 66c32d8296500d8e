"""A fine-tuning run, from its options to a model folder."""

import math
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytorch_lightning as pl

from voco3d.errors import VoCoError
from voco3d.finetuning.augmentation import mirror_order
from voco3d.finetuning.classification import classification
from voco3d.finetuning.config import FinetuneConfig
from voco3d.finetuning.config_file import FINETUNING
from voco3d.finetuning.data_list import PARTS, DataList, read_data_list
from voco3d.finetuning.module import FinetuningModule
from voco3d.finetuning.monitor import Monitor, best_row, since_best
from voco3d.finetuning.network import build_start
from voco3d.finetuning.prepared import PreparedCase, prepare
from voco3d.finetuning.result import write_result
from voco3d.finetuning.run import STORE, Run
from voco3d.finetuning.same_data import SameData
from voco3d.finetuning.segmentation import segmentation
from voco3d.models import model_folders
from voco3d.progress import Progress, silent
from voco3d.training.checkpoints import SaveCheckpoints
from voco3d.training.data_module import DrawnBatches
from voco3d.training.record import read_rows
from voco3d.training.run_folder import (
    CHECKPOINTS,
    CONFIG,
    MODEL,
    check_new,
    last_checkpoint,
    make_folder,
    saved_checkpoint,
)
from voco3d.training.stopping import Interrupted, StopOnSignal
from voco3d.training.trainer import check_compute, is_first_process, make_trainer, quiet

TASKS = {"segmentation": segmentation, "classification": classification}


def finetune(
    config: FinetuneConfig,
    data: Path,
    out: Path,
    say: Callable[[str], None] = print,
    progress: Progress = silent,
) -> Path:
    """Train a network on labelled cases, and make a model folder of it.

    Args:
        config: All options.
        data: The data list, ``dataset.json``.
        out: Folder for the run: its options, prepared cases, checkpoints, logs and model.
        say: Is told what one should know of the data and the weights.
        progress: Told after every step.

    Returns:
        The model folder.

    Raises:
        VoCoError: If the options, the data, the weights and the machine do not go together, or
            training diverges.
        Interrupted: If a signal ended it; the run can be resumed.
    """
    check_new(out, "voco finetune")
    return _run(_independent_of_place(config), data, out, None, say, progress)


def resume(out: Path, say: Callable[[str], None] = print, progress: Progress = silent) -> Path:
    """Go on with a run from its last checkpoint, as if it had not been interrupted.

    A run that was ended before its first checkpoint begins anew.

    Args:
        out: The run's folder.
        say: See ``finetune``.
        progress: See ``finetune``.

    Returns:
        The model folder; that of a finished run is left as it is.

    Raises:
        VoCoError: If there is no run or its checkpoints are damaged, and as ``finetune``.
        Interrupted: If a signal ended it; the run can be resumed.
    """
    data, config = FINETUNING.read(out / CONFIG)
    checkpoint, done = last_checkpoint(out, say)
    if done and (out / MODEL).is_dir() and _is_finished(out, config, done):
        if is_first_process():
            say(f"{out} is finished after {done} steps.")
        return out / MODEL
    return _run(config, data, out, checkpoint, say, progress)


def finish(out: Path, say: Callable[[str], None] = print, progress: Progress = silent) -> Path:
    """Make the model of what a stopped run has trained so far; the run can still be resumed.

    Args:
        out: The run's folder.
        say: See ``finetune``.
        progress: See ``finetune``.

    Returns:
        The model folder: with the weights of the best validation so far, or the last ones where
        there was none.

    Raises:
        VoCoError: If there is no run or it has no whole checkpoint yet, and as ``finetune``.
    """
    data, config = FINETUNING.read(out / CONFIG)
    checkpoint, done = saved_checkpoint(out, say)
    return _run(config, data, out, checkpoint, say, progress, until=done)


def _is_finished(out: Path, config: FinetuneConfig, done: int) -> bool:
    if done >= config.optimisation.steps:
        return True
    means = [row["mean"] for row in read_rows(out / "logs" / "validation.csv")]
    patience = config.validation.patience
    return patience is not None and bool(means) and since_best(means) >= patience


def _independent_of_place(config: FinetuneConfig) -> FinetuneConfig:
    """The options with whole paths: a run may be resumed in another working directory."""
    init = config.init
    if init is not None and init not in model_folders() and Path(init).exists():
        init = str(Path(init).absolute())
    store = None if config.store is None else str(Path(config.store).absolute())
    return replace(config, init=init, store=store)


def _run(
    config: FinetuneConfig,
    data: Path,
    out: Path,
    checkpoint: Path | None,
    say: Callable[[str], None],
    progress: Progress,
    until: int | None = None,
) -> Path:
    with quiet():
        pl.seed_everything(config.seed, verbose=False)
        progress = progress if is_first_process() else silent
        run = _assemble(config, data, out, say if checkpoint is None else _unsaid, progress)
        task = TASKS[config.task](run)
        monitor = Monitor(out, config.validation, task.judgement, progress)
        stop = StopOnSignal()
        save = SaveCheckpoints(out / CHECKPOINTS, config.validation.save_every)
        same = SameData(data, _content(run))
        options = config.optimisation
        steps = options.steps if until is None else until
        trainer = make_trainer(
            config.compute, steps, options.accumulate, out, [same, monitor, save, stop]
        )
        if trainer.is_global_zero:
            make_folder(out)
            FINETUNING.write(out / CONFIG, data, config)
        batches = DrawnBatches(task.samples, task.drawn, options, config.compute, config.seed)
        trainer.fit(task.module, datamodule=batches, ckpt_path=checkpoint, weights_only=True)
        if stop.stopped:
            raise Interrupted(trainer.global_step, stop.signal_number or signal.SIGTERM)
        if trainer.is_global_zero:
            _write(run, task.module, monitor, trainer.global_step)
    return out / MODEL


def _content(run: Run) -> dict[str, list[str]]:
    """What a run must go on with: what it fits, and the cases by the hashes of their content."""
    return {
        "classes": [*run.data.structures, *run.data.categories],
        "training cases": [_content_of(case) for case in run.prepared["training"]],
        "validation cases": [_content_of(case) for case in run.prepared["validation"]],
    }


def _content_of(case: PreparedCase) -> str:
    category = case.case.category
    return case.folder.name if category is None else f"{case.folder.name} {category}"


def _assemble(
    config: FinetuneConfig,
    data: Path,
    out: Path,
    say: Callable[[str], None],
    progress: Progress,
) -> Run:
    """The data and the network, which fit each other."""
    content = read_data_list(data)
    _check_task(config, content)
    if config.validation.every and not content.cases["validation"]:
        raise VoCoError(
            f"{data} lists no labelled validation case to choose the weights on: add some, or keep "
            "the last weights with validation.every 0."
        )
    outputs = len(content.structures) + (not content.overlapping)
    start = build_start(config, content.channels, outputs, content.categories)
    check_compute(config.compute)
    mirror_order(content.structures, config.augmentation.pairs)
    Run(config, content, dict.fromkeys(PARTS, ()), start, out).model({})  # it must be possible
    if start.report is not None and is_first_process():
        say(start.report.summary())
    store = out / STORE if config.store is None else Path(config.store)
    prepared = prepare(content, config.preprocessing, store, config.compute.workers, progress)
    return Run(config, content, prepared, start, out)


def _check_task(config: FinetuneConfig, data: DataList) -> None:
    """Refuse a list that is not of the task.

    Raises:
        VoCoError: If it is not.
    """
    if (config.task == "classification") != bool(data.categories):
        has, task = (
            ("categories", "classification") if data.categories else ("labels", "segmentation")
        )
        raise VoCoError(f"{data.path} has {has}: set task to {task}, or name another list.")


def _unsaid(text: str) -> None:
    """What was said when the run began need not be said again."""


def _write(run: Run, module: FinetuningModule, monitor: Monitor, done: int) -> None:
    """Write the model with the weights that were best, or the last ones."""
    network, best = module.result, best_row(run.out, done)
    monitor.restore_best(network)
    results = {}
    if best is not None:
        figures = {
            name: round(value, 4)
            for name, value in best.items()
            if name != "seconds" and not math.isnan(value)
        }
        results = {"validation (the weights were chosen on it)": figures}
    write_result(run.out / MODEL, run.model(results, done), network, run.config)
