"""What is known about a data set before it is seen: where its files lie, and what they mean."""

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Labels:
    """What the values of a label map mean.

    Attributes:
        members: For each structure, in the order of a network's outputs, the values that it
            consists of; regions share values.
        written: For regions, the value that a prediction gets in each; later ones replace
            earlier ones.
    """

    members: Mapping[str, tuple[int, ...]]
    written: tuple[int, ...] = ()

    @property
    def values(self) -> frozenset[int]:
        """The values that may occur besides 0."""
        return frozenset(value for values in self.members.values() for value in values)


@dataclass(frozen=True)
class Layout:
    """One way in which people have a data set on their disks.

    Patterns are regular expressions of a path's end. Their group ``case`` says whose file it is;
    ``channel``, ``patient`` and ``category`` are there where a data set has these.

    Attributes:
        example: Path of an image, for people.
        image: Pattern of images.
        label: Pattern of label maps; None for classification.
        channels: What ``channel`` reads, in the preset's order of channels.
        labels: What the label values mean, where it is not as distributed.
        slices: Images are pictures of single slices, and a folder of them is a volume.
    """

    example: str
    image: re.Pattern[str]
    label: re.Pattern[str] | None = None
    channels: tuple[str, ...] = ()
    labels: Labels | None = None
    slices: bool = False


@dataclass(frozen=True)
class Preset:
    """A data set, as its makers distribute it and as the authors of VoCo split it.

    Attributes:
        name: As it is called on the command line.
        title: What it is, for people.
        source: Where it is obtained.
        licence: Under which terms.
        layouts: How it lies on disks; among equally good ones the first is taken.
        count: Cases with a reference; for classification, patients.
        channels: What the images of a case are, in the order that a network gets them.
        labels: What the values of a label map mean; None for classification.
        categories: Names of the classes of whole images, for classification.
        cases: Names of the cases with a reference, where they are known one by one.
        validation: Names of the cases that the authors validate on.
        folds: Number of folds, where the authors cross-validate instead.
    """

    name: str
    title: str
    source: str
    licence: str
    layouts: tuple[Layout, ...]
    count: int
    channels: tuple[str, ...] = ("CT",)
    labels: Labels | None = None
    categories: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    folds: int = 0

    @property
    def unit(self) -> str:
        """What ``count`` counts."""
        return "patients" if self.categories else "cases"


def file(pattern: str) -> re.Pattern[str]:
    """Pattern of a NIfTI file whose path ends as ``pattern`` and an ending."""
    return re.compile(rf"(?:.*/)?{pattern}\.nii(?:\.gz)?")


def numbered(names: Mapping[int, str]) -> Labels:
    """Labels of which each stands for one structure."""
    return Labels({name: (value,) for value, name in names.items()})
