"""Which label of a prediction and which of its reference are the same structure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from voco3d.errors import VoCoError
from voco3d.metrics.label_maps import LabelMap


@dataclass(frozen=True)
class Same:
    """A structure's labels; None where a segmentation file has no such segment."""

    name: str
    label: int
    predicted: int | None
    reference: int | None


def same_structures(
    predicted: LabelMap,
    reference: LabelMap,
    names: Mapping[int, str] | None = None,
    labels: Collection[int] | None = None,
) -> list[Same]:
    """Match the structures of two label maps.

    What a file says about its own labels holds for that file, whatever their order. All other
    labels mean what ``names`` says, or else the file beside it. Where nothing has names, equal
    labels are the same.

    Args:
        predicted: The prediction.
        reference: The reference.
        names: What the labels mean.
        labels: Only these, and others may be there; by default all, and a label without a name
            is an error.

    Raises:
        VoCoError: If a map holds a label that has no name, a name stands for two labels, or a
            file names none of the structures asked for.
    """
    found = np.union1d(np.unique(predicted.array), np.unique(reference.array)).tolist()
    common = (
        names
        or reference.names
        or predicted.names
        or {label: f"label {label}" for label in found if label}
    )
    maps = (predicted, reference)
    tables = tuple(_by_name(map_.names or common, map_) for map_ in maps)
    known = {name.casefold() for name in common.values()}
    for map_, table in zip(maps, tables, strict=True):
        if labels is None:
            _check_declared(map_, {label for name, label in table.items() if name in known})
        if not known & table.keys():
            raise VoCoError(
                f"{map_.path} has the segments {', '.join(map_.names.values())}, none of which is "
                f"among {', '.join(common.values())}: give the names as they are in the file."
            )
    return [
        Same(name, label, *(table.get(name.casefold()) for table in tables))
        for label, name in common.items()
        if labels is None or label in labels
    ]


def _by_name(names: Mapping[int, str], map_: LabelMap) -> dict[str, int]:
    table = {name.casefold(): label for label, name in names.items()}
    if len(table) < len(names):
        raise VoCoError(
            f"Two labels of {map_.path} have the same name ({', '.join(names.values())}): give "
            "each its own."
        )
    return table


def _check_declared(map_: LabelMap, declared: set[int]) -> None:
    other = sorted(set(np.unique(map_.array).tolist()) - declared - {0})
    if other:
        label = other[0]
        called = f" ({map_.names[label]})" if label in map_.names else ""
        raise VoCoError(
            f"{map_.path} holds the label {label}{called}, which is none of the "
            f"{len(declared)} structures: name all of them, or choose with --labels."
        )
