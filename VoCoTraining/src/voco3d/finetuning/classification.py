"""Classification: whole volumes, and the accuracy and AUC over all of them."""

import numpy as np
from torch import nn

from voco3d.data import read_image
from voco3d.finetuning.classification_module import ClassificationModule
from voco3d.finetuning.monitor import Judgement
from voco3d.finetuning.run import Run
from voco3d.finetuning.task import Task
from voco3d.finetuning.whole_volumes import WholeVolumes, balanced
from voco3d.inference import ImageClassifier
from voco3d.metrics.classification import accuracy, macro_auc

FIGURES = ("accuracy", "auc")
"""What the weights are chosen by: the mean of the two, as far as there are two."""


def classification(run: Run) -> Task:
    """What a run that classifies trains on, minimises and is judged by."""
    training = run.prepared["training"]
    right = [_category(case.case.category) for case in training]
    reference = np.array([_category(case.category) for case in run.data.cases["validation"]], int)
    return Task(
        ClassificationModule(run.config, run.start.network, run.names),
        WholeVolumes(training, run.config),
        balanced(right) if run.config.classification.balanced else range(len(training)),
        Judgement(
            FIGURES,
            len(reference),
            len(run.data.categories),
            lambda network, case: _probabilities(run, network, case),
            lambda found: np.array([accuracy(reference, found), macro_auc(reference, found)]),
        ),
    )


def _probabilities(run: Run, network: nn.Module, case: int) -> list[float]:
    """The probability of each category of a validation case."""
    classify = ImageClassifier(run.model({}), run.config.compute.device, network)
    images = [read_image(path) for path in run.data.cases["validation"][case].images]
    return classify(images).tolist()


def _category(category: int | None) -> int:
    assert category is not None
    return category
