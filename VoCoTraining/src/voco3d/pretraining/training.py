"""A pre-training run, from its options to a model folder."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytorch_lightning as pl

from voco3d.data.cache import Cache, open_cache
from voco3d.geometry import BaseGrid
from voco3d.networks import PositionNetwork
from voco3d.pretraining.cache_check import check_cache
from voco3d.pretraining.config import PretrainConfig
from voco3d.pretraining.config_file import read_config, write_config
from voco3d.pretraining.module import VoCoModule
from voco3d.pretraining.monitoring.monitor import Monitor
from voco3d.pretraining.monitoring.probe import Probe
from voco3d.pretraining.network import build_position_network
from voco3d.pretraining.result import write_result
from voco3d.pretraining.volume_crops import VolumeCrops
from voco3d.progress import Progress, silent
from voco3d.training.checkpoints import SaveCheckpoints, read_checkpoint
from voco3d.training.data_module import DrawnBatches
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
from voco3d.training.trainer import is_first_process, make_trainer, quiet


def pretrain(
    config: PretrainConfig,
    data: Path,
    out: Path,
    say: Callable[[str], None] = print,
    progress: Progress = silent,
) -> Path:
    """Train a network, and make a model folder of it.

    Args:
        config: All options.
        data: The training cache.
        out: Folder for the run: its options, checkpoints, logs and model.
        say: Is told what one should know of the data and the weights.
        progress: Told of what follows the last step; the training itself is on standard output.

    Returns:
        The model folder.

    Raises:
        VoCoError: If the options, the data and the machine do not go together, or training
            diverges.
        Interrupted: If a signal ended it; the run can be resumed.
    """
    check_new(out, "voco pretrain")
    return _run(config, data, out, None, say, progress)


def resume(out: Path, say: Callable[[str], None] = print, progress: Progress = silent) -> Path:
    """Go on with a run from its last checkpoint, as if it had not been interrupted.

    A run that was ended before its first checkpoint begins anew.

    Args:
        out: The run's folder.
        say: See ``pretrain``.
        progress: See ``pretrain``.

    Returns:
        The model folder; that of a finished run is left as it is.

    Raises:
        VoCoError: If there is no run or its checkpoints are damaged, and as ``pretrain``.
        Interrupted: If a signal ended it; the run can be resumed.
    """
    data, config = read_config(out / CONFIG)
    checkpoint, done = last_checkpoint(out, say)
    if done >= config.optimisation.steps and (out / MODEL).is_dir():
        if is_first_process():
            say(f"{out} is finished: all {done} steps are done.")
        return out / MODEL
    return _run(config, data, out, checkpoint, say, progress)


def finish(out: Path, say: Callable[[str], None] = print, progress: Progress = silent) -> Path:
    """Make the model of what a stopped run has trained so far; the run can still be resumed.

    Args:
        out: The run's folder.
        say: See ``pretrain``.
        progress: See ``pretrain``.

    Returns:
        The model folder.

    Raises:
        VoCoError: If there is no run or it has no whole checkpoint yet, and as ``pretrain``.
    """
    data, config = read_config(out / CONFIG)
    checkpoint, done = saved_checkpoint(out, say)
    return _run(config, data, out, checkpoint, say, progress, until=done)


def load_network(out: Path, say: Callable[[str], None] = print) -> PositionNetwork:
    """The network of a run as it was at the last checkpoint.

    Args:
        out: The run's folder.
        say: Is told where the last checkpoint is damaged, and the one before is taken.

    Raises:
        VoCoError: If there is no run or no whole checkpoint.
    """
    _, config = read_config(out / CONFIG)
    network = build_position_network(config)
    checkpoint, _ = saved_checkpoint(out, say)
    state = read_checkpoint(checkpoint)["state_dict"]
    own = {key.removeprefix("network."): state[key] for key in state if key.startswith("network.")}
    network.load_state_dict(own)
    return network


def _run(
    config: PretrainConfig,
    data: Path,
    out: Path,
    checkpoint: Path | None,
    say: Callable[[str], None],
    progress: Progress,
    until: int | None = None,
) -> Path:
    with quiet():
        pl.seed_everything(config.seed, verbose=False)
        cache = open_cache(data)
        module, batches = _assemble(config, cache, fresh=checkpoint is None, say=say)
        monitoring = config.monitoring
        probe = Probe.over(cache, module.grid, monitoring.probe_volumes, monitoring.probe_crops)
        monitor = Monitor(
            out, probe, monitoring.log_every, monitoring.probe_every, config.optimisation.warmup
        )
        stop = StopOnSignal()
        save = SaveCheckpoints(out / CHECKPOINTS, monitoring.save_every)
        trainer = make_trainer(
            config.compute,
            config.optimisation.steps if until is None else until,
            config.optimisation.accumulate,
            out,
            [monitor, save, stop],
        )
        if trainer.is_global_zero:
            make_folder(out)
            write_config(out / CONFIG, data, config)
        trainer.fit(module, datamodule=batches, ckpt_path=checkpoint, weights_only=True)
        if stop.stopped:
            raise Interrupted(trainer.global_step, stop.signal_number or signal.SIGTERM)
        if trainer.is_global_zero:
            done = trainer.global_step
            write_result(config, cache, module.network, done, out, out / MODEL, progress)
    return out / MODEL


def _assemble(
    config: PretrainConfig, cache: Cache, fresh: bool, say: Callable[[str], None]
) -> tuple[VoCoModule, DrawnBatches]:
    """The module and its data, which fit each other."""
    network = build_position_network(config)
    grid = BaseGrid(config.crops.counts, config.crops.size)
    check_cache(cache, grid, config.network.in_channels)
    crops = VolumeCrops(cache, grid, config.crops.random, config.crops.augmentation, config.seed)
    if is_first_process() and crops.padded:
        say(
            f"{len(crops.padded)} of {len(cache.volumes)} volumes are smaller than the grid and "
            "are padded with air."
        )
    if fresh and config.network.init is not None:
        from voco3d.models import model_folders
        from voco3d.weights import initialise

        start = config.network.init
        report = initialise(network, model_folders().get(str(start), start))
        if is_first_process():
            say(report.summary())
    module = VoCoModule(config, network, [volume.name for volume in cache.volumes])
    batches = DrawnBatches(
        crops, cache.part("training"), config.optimisation, config.compute, config.seed
    )
    return module, batches
