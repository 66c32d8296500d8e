"""What a run trains on, minimises and is judged by: all that differs between the tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch.utils.data import Dataset

from voco3d.finetuning.module import FinetuningModule
from voco3d.finetuning.monitor import Judgement


@dataclass(frozen=True)
class Task:
    """A task.

    Attributes:
        module: The training step.
        samples: Gives what a step sees of a case, for a draw.
        drawn: Indices of the training cases; one that is there twice is drawn twice as often.
        judgement: How the network is judged on the validation cases.
    """

    module: FinetuningModule
    samples: Dataset[Any]
    drawn: Sequence[int]
    judgement: Judgement
