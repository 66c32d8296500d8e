"""Segmentation: crops, and the Dice of whole cases."""

from dataclasses import replace

from torch import nn

from voco3d.finetuning.case_crops import CaseCrops
from voco3d.finetuning.module import SegmentationModule
from voco3d.finetuning.monitor import Judgement
from voco3d.finetuning.run import Run
from voco3d.finetuning.task import Task
from voco3d.finetuning.validation import dice_of_case
from voco3d.inference import Segmenter


def segmentation(run: Run) -> Task:
    """What a run that segments trains on, minimises and is judged by.

    Raises:
        VoCoError: If the augmentation names structures that are not there.
    """
    training, structures = run.prepared["training"], run.data.structures
    return Task(
        SegmentationModule(run.config, run.start.backbone, run.data.overlapping, run.names),
        CaseCrops(training, run.data, run.config),
        range(len(training)),
        Judgement(
            structures,
            len(run.data.cases["validation"]),
            len(structures),
            lambda network, case: _score(run, network, case),
        ),
    )


def _score(run: Run, network: nn.Module, case: int) -> list[float]:
    """Dice of each structure of a validation case."""
    model, config = run.model({}), run.config
    watched = replace(model, overlap=config.validation.overlap, largest_component=False)
    segmenter = Segmenter(watched, config.compute.device, network)
    return dice_of_case(segmenter, run.data.cases["validation"][case], run.data).tolist()
