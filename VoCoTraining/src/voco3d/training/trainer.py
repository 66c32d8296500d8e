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
from pytorch_lightning.utilities import rank_zero_only

from voco3d.errors import VoCoError
from voco3d.inference.device import choose_device
from voco3d.training.checkpoints import WholeFiles
from voco3d.training.options import Compute

PRECISIONS: dict[str, Any] = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


def make_trainer(
    compute: Compute, steps: int, accumulate: int, out: Path, callbacks: list[pl.Callback]
) -> pl.Trainer:
    """The trainer of a run: on which devices, in which precision, for how long.

    Args:
        compute: Where and how it is computed.
        steps: Optimiser steps of the whole run.
        accumulate: Batches to a step.
        out: The run's folder.
        callbacks: What happens between steps.

    Raises:
        VoCoError: If the machine, or what launched the processes, does not offer it.
    """
    device = check_compute(compute)
    several = compute.devices * compute.nodes > 1
    return pl.Trainer(
        accelerator=device,
        devices=compute.devices,
        num_nodes=compute.nodes,
        strategy=_distributed() if several else "auto",
        precision=PRECISIONS[compute.precision],
        benchmark=device == "cuda",
        max_steps=steps,
        accumulate_grad_batches=accumulate,
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


def check_compute(compute: Compute) -> str:
    """Return the kind of device that is trained on.

    Raises:
        VoCoError: If the machine, or what launched the processes, does not offer what is asked.
    """
    device = choose_device(compute.device).type
    if compute.precision == "fp16" and device != "cuda":
        raise VoCoError(f"fp16 needs a CUDA device, and this is {device}: choose bf16 or fp32.")
    _check_processes(compute)
    return device


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


def is_first_process() -> bool:
    """Whether this is the process that writes; known before there is a trainer."""
    return int(getattr(rank_zero_only, "rank", 0)) == 0
