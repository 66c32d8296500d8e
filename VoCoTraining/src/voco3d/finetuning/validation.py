"""Dice of whole cases, segmented as a user would: on their own grids."""

import numpy as np
import numpy.typing as npt

from voco3d.data import read_image
from voco3d.finetuning.data_list import Case, DataList
from voco3d.inference import Segmenter
from voco3d.inference.masks import structure_masks
from voco3d.metrics import dice
from voco3d.metrics.label_maps import read_label_map

Scores = npt.NDArray[np.float64]


def dice_of_case(segmenter: Segmenter, case: Case, data: DataList) -> Scores:
    """Segment a case and compare it with its label map; both are read anew and forgotten.

    Args:
        segmenter: The model.
        case: With a label map.
        data: What labels mean.

    Returns:
        ``(structure,)``; NaN where it is in neither map, or the case has no contours for it.
    """
    assert case.label is not None
    labels = segmenter([read_image(path) for path in case.images])
    predicted = structure_masks(labels, segmenter.model)
    reference = read_label_map(case.label).array
    scores = np.full(len(data.structures), np.nan)
    for structure in case.known:
        there = np.isin(reference, data.members[structure])
        scores[structure] = dice(predicted[structure].astype(np.uint8), there.astype(np.uint8), 1)
    return scores
