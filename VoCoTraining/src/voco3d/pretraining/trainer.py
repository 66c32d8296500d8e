"""Lightning's trainer, as the options and the machine want it."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from pytorch_lightning.strategies import DDPStrategy

from voco3d.errors import VoCoError
from voco3d.inference.device import choose_device
from voco3d.pretraining.checkpoints import WholeFiles
from voco3d.pretraining.config import Compute, PretrainConfig

PRECISIONS: dict[str, Any] = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


def make_trainer(config: PretrainConfig, out: Path, callbacks: list[pl.Callback]) -> pl.Trainer:
    """The trainer of a run: on which devices, in which precision, for how long.

    Raises:
        VoCoError: If the machine, or what launched the processes, does not offer it.
    """
    compute = config.compute
    device = choose_device(compute.device).type
    if compute.precision == "fp16" and device != "cuda":
        raise VoCoError(f"fp16 needs a CUDA device, and this is {device}: choose bf16 or fp32.")
    _check_processes(compute)
    several = compute.devices * compute.nodes > 1
    return pl.Trainer(
        accelerator=device,
        devices=compute.devices,
        num_nodes=compute.nodes,
        strategy=_distributed() if several else "auto",
        precision=PRECISIONS[compute.precision],
        benchmark=device == "cuda",
        max_steps=config.optimisation.steps,
        accumulate_grad_batches=config.optimisation.accumulate,
        use_distributed_sampler=False,
        callbacks=callbacks,
        plugins=[WholeFiles()],
        default_root_dir=out,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _distributed() -> DDPStrategy:
    """Statistics are of the global batch, so the same in all processes: none are sent round."""
    return DDPStrategy(broadcast_buffers=False, gradient_as_bucket_view=True)


def _check_processes(compute: Compute) -> None:
    wanted = started = compute.devices * compute.nodes
    if TorchElasticEnvironment.detect():
        started = int(os.environ["WORLD_SIZE"])
    elif SLURMEnvironment.detect():
        started = int(os.environ["SLURM_NTASKS"])
    if started != wanted:
        raise VoCoError(
            f"{started} processes were started, but compute.devices x compute.nodes is "
            f"{compute.devices} x {compute.nodes}: make them equal."
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Lightning's advice to programmers off the terminal."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"pytorch_lightning|lightning_fabric|torch")
            yield
    finally:
        logger.setLevel(level)
