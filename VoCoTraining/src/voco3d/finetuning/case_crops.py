"""Random crops of labelled cases: what a training step sees."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from voco3d.finetuning.augmentation import (
    Motion,
    change_intensity,
    draw_motion,
    mirror_order,
)
from voco3d.finetuning.config import FinetuneConfig
from voco3d.finetuning.data_list import DataList
from voco3d.finetuning.prepared import PreparedCase
from voco3d.finetuning.sampling import (
    box_of,
    crop_points,
    interpolate_labelled,
    onto_border,
)
from voco3d.training.draws import Draw


class Sample(TypedDict):
    """The crops of one case.

    Attributes:
        image: float32 ``(crop, channel, x, y, z)``.
        target: float32 ``(crop, class, x, y, z)``: the share of each class in each voxel. With
            background as class 0 if structures do not overlap: then it sums to 1.
        known: bool ``(crop, structure)``: whether the case has contours for what the crop shows as
            this structure.
        case: Index of the case.
    """

    image: Tensor
    target: Tensor
    known: Tensor
    case: int


class CaseCrops(Dataset[Sample]):
    """Cuts augmented crops, each by one interpolation from the image as scanned.

    Args:
        cases: The training cases.
        data: What labels mean.
        config: All options of the run.

    Raises:
        VoCoError: If the augmentation names structures that are not there.
    """

    def __init__(
        self, cases: Sequence[PreparedCase], data: DataList, config: FinetuneConfig
    ) -> None:
        self.cases, self.data, self.config = cases, data, config
        self._mirror = mirror_order(data.structures, config.augmentation.pairs)
        self._members = [[1 + data.values.index(value) for value in m] for m in data.members]

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, draw: Draw) -> Sample:
        random = np.random.default_rng((self.config.seed, draw.number))
        case = self.cases[draw.case]
        crops = [self._crop(case, random) for _ in range(self.config.crops.per_case)]
        image, target, known = (torch.stack(parts) for parts in zip(*crops, strict=True))
        return {"image": image, "target": target, "known": known, "case": draw.case}

    def _crop(
        self, case: PreparedCase, random: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Image, target and known structures of a crop."""
        size, own = self.config.crops.size, np.array(case.spacing)
        spacing = np.array(self.config.preprocessing.spacing or case.spacing)
        motion = draw_motion(self.config.augmentation, size, random)
        centre = self._centre(case, spacing * size, motion, random)
        points = crop_points(size, spacing, centre, motion.matrix, own, motion.displacement)
        box = box_of(points, case.shape)
        points = onto_border(points, case.shape, spacing / own / 2)
        points = points - np.array([side.start for side in box], dtype=np.float32)
        image, shares = interpolate_labelled(
            case.image(box), case.labels(box), len(self.data.values), points
        )
        windowed = self.config.preprocessing.intensity is not None
        image = image.clamp(0, 1) if windowed else image
        image = change_intensity(image, self.config.augmentation, random)
        target = self._target(shares)
        known = torch.tensor([s in case.case.known for s in range(len(self.data.structures))])
        if motion.mirrored:
            target, known = self._mirrored(target), self._mirrored(known)
        return image, target, known

    def _centre(
        self,
        case: PreparedCase,
        sides: npt.NDArray[np.float64],
        motion: Motion,
        random: np.random.Generator,
    ) -> npt.NDArray[np.float64]:
        """Where the centre of a crop with ``sides`` in mm is laid, in voxels of the case.

        A crop that shall hold a voxel of a structure lies in any place that does so and, where it
        can, inside the image, as the windows of an inference do.
        """
        own, shape = np.array(case.spacing), np.array(case.shape)
        # How far it reaches along each axis of the case: its side, where it is not turned
        extent = np.sqrt(motion.matrix**2 @ sides**2) / own
        low, high = np.minimum(extent, shape) / 2 - 0.5, shape - np.minimum(extent, shape) / 2 - 0.5
        foreground = [
            np.concatenate([case.places[label - 1] for label in self._members[structure]])
            for structure in sorted(case.case.known)
        ]
        foreground = [voxels for voxels in foreground if len(voxels)]
        if not foreground or random.random() >= self.config.crops.foreground:
            return random.uniform(low, np.maximum(low, high))
        voxels = foreground[random.integers(len(foreground))]
        voxel = voxels[random.integers(len(voxels))]
        centre = voxel + motion.matrix @ (random.uniform(-0.4, 0.4, 3) * sides) / own
        return np.clip(centre, low, np.maximum(low, high))

    def _target(self, shares: Tensor) -> Tensor:
        """The share of each class: of each structure, after background if none overlap."""
        if not self.data.overlapping:  # they are in the order of their values
            return shares
        return torch.stack([shares[labels].sum(dim=0) for labels in self._members])

    def _mirrored(self, classes: Tensor) -> Tensor:
        """Each class in the place of its counterpart; background, where it is one, stays."""
        first = len(classes) - len(self._mirror)
        return classes[[*range(first), *(first + structure for structure in self._mirror)]]
