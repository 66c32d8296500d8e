"""Regions: structures that may overlap, and the label map that tells them apart."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from voco3d.errors import VoCoError

LARGEST = 255
"""Largest value of a label map."""


@dataclass(frozen=True)
class Regions:
    """What each of several overlapping structures is in a label map, as in nnU-Net.

    A network gives a probability for each region. A label map is written region after region: the
    later one overrides. Read back, a region is the union of its members.

    Attributes:
        members: For each region the label values that it consists of.
        written: For each region the value that its voxels get.

    Raises:
        VoCoError: If a value is no label, a region is empty or there twice, or a label map that
            is written and read back would give other regions.

    Example:
        >>> tumor = Regions(members=((1, 2, 3), (1, 3), (3,)), written=(2, 1, 3))
    """

    members: tuple[tuple[int, ...], ...]
    written: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.members or len(self.members) != len(self.written):
            raise VoCoError(
                f"Regions need one written value each, but there are {len(self.members)} regions "
                f"and {len(self.written)} values."
            )
        values = [*self.written, *(value for region in self.members for value in region)]
        wrong = [value for value in values if value not in range(1, LARGEST + 1)]
        if wrong:
            raise VoCoError(f"A region's label must be from 1 to {LARGEST}, but one is {wrong[0]}.")
        sets = [frozenset(region) for region in self.members]
        if not all(sets) or len(set(sets)) < len(sets):
            raise VoCoError("A region has no labels, or two regions have the same ones.")
        for label in sorted(frozenset.union(*sets)):
            around = [label in region for region in sets]
            last = max(k for k, inside in enumerate(around) if inside)
            value = self.written[last]
            if [value in region for region in sets] != around:
                raise VoCoError(
                    f"Regions written in this order do not come back: where label {label} is, the "
                    f"label map gets {value}, which belongs to other regions; write large regions "
                    "first, and in each region a label that is in no later one."
                )

    def labels_of(self, probabilities: Iterable[npt.NDArray[np.float32]]) -> npt.NDArray[np.uint8]:
        """The label map of the regions: each is where its probability is above 0.5.

        Args:
            probabilities: ``(region, x, y, z)``, or one ``(x, y, z)`` after the other.

        Returns:
            ``(x, y, z)``, 0 where no region is.
        """
        labels: npt.NDArray[np.uint8] | None = None
        for probability, value in zip(probabilities, self.written, strict=True):
            if labels is None:
                labels = np.zeros(probability.shape, np.uint8)
            labels[probability > 0.5] = value
        if labels is None:
            raise ValueError("there are no probabilities")
        return labels

    def masks_of(self, labels: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.bool_]:
        """Where each region is in a label map.

        Args:
            labels: ``(x, y, z)``.

        Returns:
            ``(region, x, y, z)``.
        """
        return np.stack([np.isin(labels, region) for region in self.members])

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"members": [list(region) for region in self.members], "written": [*self.written]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Regions":
        """Build what ``to_json`` was called on.

        Raises:
            KeyError: If an entry is missing.
            TypeError: If an entry is of another kind; likewise ValueError.
            VoCoError: If a value is out of range.
        """
        members = tuple(tuple(int(value) for value in region) for region in values["members"])
        return cls(members, tuple(int(value) for value in values["written"]))
