"""Whole volumes of one size: what a training step of a classification sees."""

from collections.abc import Sequence
from itertools import cycle, islice
from typing import TypedDict

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from voco3d.finetuning.augmentation import change_intensity, draw_motion
from voco3d.finetuning.config import FinetuneConfig
from voco3d.finetuning.prepared import PreparedCase
from voco3d.finetuning.sampling import box_of, crop_points, interpolate, onto_border
from voco3d.training.draws import Draw


class LabelledVolume(TypedDict):
    """A case.

    Attributes:
        image: float32 ``(channel, x, y, z)``.
        category: Index of its category.
        case: Index of the case.
    """

    image: Tensor
    category: int
    case: int


class WholeVolumes(Dataset[LabelledVolume]):
    """Spreads the network's size over each volume, by one interpolation from the image as scanned.

    Args:
        cases: The training cases, each of a category.
        config: All options of the run, with a size in its preprocessing.
    """

    def __init__(self, cases: Sequence[PreparedCase], config: FinetuneConfig) -> None:
        self.cases, self.config = cases, config

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, draw: Draw) -> LabelledVolume:
        random = np.random.default_rng((self.config.seed, draw.number))
        case = self.cases[draw.case]
        assert case.case.category is not None
        size, own, shape = self.config.window, np.array(case.spacing), np.array(case.shape)
        motion = draw_motion(self.config.augmentation, size, random)
        points = crop_points(
            size, own * shape / size, (shape - 1) / 2, motion.matrix, own, motion.displacement
        )
        points = onto_border(points, case.shape, np.full(3, 0.5))
        box = box_of(points, case.shape)
        points = points - np.array([side.start for side in box], dtype=np.float32)
        image = interpolate(case.image(box), points)
        windowed = self.config.preprocessing.intensity is not None
        image = image.clamp(0, 1) if windowed else image
        return {
            "image": change_intensity(image, self.config.augmentation, random),
            "category": case.case.category,
            "case": draw.case,
        }


def balanced(categories: Sequence[int]) -> list[int]:
    """Indices of cases in which each category is as often as the most frequent one.

    Args:
        categories: Of the cases, by index.
    """
    cases = [[i for i, own in enumerate(categories) if own == c] for c in sorted(set(categories))]
    most = max(map(len, cases))
    return [index for own in cases for index in islice(cycle(own), most)]
