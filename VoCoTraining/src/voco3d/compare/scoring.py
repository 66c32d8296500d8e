"""How good a run's model is on cases that it has not seen."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from voco3d.data import read_image
from voco3d.errors import VoCoError
from voco3d.finetuning.config import FinetuneConfig
from voco3d.finetuning.data_list import Case, DataList, Part
from voco3d.inference import Segmenter
from voco3d.inference.masks import structure_masks
from voco3d.metrics import Evaluation, Score, score
from voco3d.metrics.evaluation import TOLERANCE
from voco3d.metrics.label_maps import LabelMap, check_same_grid, read_label_map
from voco3d.progress import Progress, silent


def judged_part(data: DataList, config: FinetuneConfig) -> Part:
    """The part of the data list that runs are judged on: test, or validation if it chose nothing.

    Raises:
        VoCoError: If there are no such cases.
    """
    if data.cases["test"]:
        return "test"
    if config.validation.every == 0 and data.cases["validation"]:
        return "validation"
    raise VoCoError(
        f"{data.path} has no labelled test cases to judge the runs on: add a list test"
        + (
            ", or set finetune.validation.every to 0 to judge them on the validation cases, which "
            "then choose no checkpoint."
            if data.cases["validation"]
            else "."
        )
    )


def evaluate_cases(
    segmenter: Segmenter, cases: Sequence[Case], data: DataList, progress: Progress = silent
) -> Evaluation:
    """Segment cases and compare them with their label maps, on their own grids.

    Args:
        segmenter: The model.
        cases: With label maps. A structure that a case has no contours for is left out there.
        data: What the labels of the maps mean.
        progress: Told after every case.

    Raises:
        VoCoError: If a case cannot be read, or its label map lies on another grid.
    """
    scores: list[Score] = []
    for done, (name, case) in enumerate(zip(_names(cases), cases, strict=True)):
        progress(done, len(cases), f"judging on {name}")
        scores += _scores(name, segmenter, case, data)
    progress(len(cases), len(cases), "judging")
    return Evaluation(tuple(scores), data.structures, TOLERANCE)


def _scores(name: str, segmenter: Segmenter, case: Case, data: DataList) -> list[Score]:
    assert case.label is not None
    images = [read_image(path) for path in case.images]
    reference = read_label_map(case.label)
    check_same_grid(LabelMap(case.images[0], images[0], reference.array, {}), reference)
    predicted = structure_masks(segmenter(images), segmenter.model)
    spacing = reference.grid.GetSpacing()
    scores = [
        score(
            name,
            data.structures[structure],
            predicted[structure],
            np.isin(reference.array, data.members[structure]),
            spacing,
            TOLERANCE,
        )
        for structure in sorted(case.known)
    ]
    return [each for each in scores if each is not None]


def _names(cases: Sequence[Case]) -> list[str]:
    """A name for each case; where two share one, with that of the folder before it."""
    count = Counter(case.name for case in cases)
    return [
        case.name if count[case.name] == 1 else f"{case.images[0].parent.name}/{case.name}"
        for case in cases
    ]
