"""Which label of a prediction and which of its reference are the same structure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from voco3d.errors import VoCoError
from voco3d.metrics.label_maps import LabelMap
from voco3d.models.regions import Regions


@dataclass(frozen=True)
class Same:
    """A structure's labels; none where a segmentation file has no such segment.

    Attributes:
        name: Of the structure.
        label: Its place among the structures.
        predicted: The labels of the prediction whose union it is.
        reference: Likewise, of the reference.
    """

    name: str
    label: int
    predicted: tuple[int, ...]
    reference: tuple[int, ...]


def same_structures(
    predicted: LabelMap,
    reference: LabelMap,
    names: Mapping[int, str] | None = None,
    labels: Collection[int] | None = None,
    regions: Regions | None = None,
    reference_labels: Mapping[int, int] | None = None,
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
        regions: What ``names`` consist of, in this order, in a map that does not name its labels.
        reference_labels: For labels of ``names``, which ones they are in a reference that does not
            name its own.

    Raises:
        VoCoError: If a map holds a label that has no name, a name stands for two labels, or a
            file names none of the structures asked for; one map's segments overlap and it is not
            said which labels of the other they are.
    """
    found = np.union1d(np.unique(predicted.array), np.unique(reference.array)).tolist()
    common = (
        names
        or reference.names
        or predicted.names
        or {label: f"label {label}" for label in found if label}
    )
    maps = (predicted, reference)
    members = dict(enumerate(regions.members, start=1)) if regions is not None else {}
    for map_, other in (maps, maps[::-1]):
        if map_.members and not (other.names or members):
            raise VoCoError(
                f"The segments of {map_.path} overlap, and {other.path} has no names: give the "
                "model whose regions they are."
            )
    translated = {label: (value,) for label, value in (reference_labels or {}).items()}
    tables = tuple(
        _by_name(map_.names, map_.members, map_) if map_.names else _by_name(common, own, map_)
        for map_, own in ((predicted, members), (reference, members | translated))
    )
    known = {name.casefold() for name in common.values()}
    for map_, table in zip(maps, tables, strict=True):
        if labels is None:
            _check_declared(map_, [table[name] for name in table if name in known])
        if not known & table.keys():
            raise VoCoError(
                f"{map_.path} has the segments {', '.join(map_.names.values())}, none of which is "
                f"among {', '.join(common.values())}: give the names as they are in the file."
            )
    return [
        Same(name, label, *(table.get(name.casefold(), ()) for table in tables))
        for label, name in common.items()
        if labels is None or label in labels
    ]


def _by_name(
    names: Mapping[int, str], members: Mapping[int, tuple[int, ...]], map_: LabelMap
) -> dict[str, tuple[int, ...]]:
    """The labels that each name stands for."""
    table = {name.casefold(): members.get(label, (label,)) for label, name in names.items()}
    if len(table) < len(names):
        raise VoCoError(
            f"Two labels of {map_.path} have the same name ({', '.join(names.values())}): give "
            "each its own."
        )
    return table


def _check_declared(map_: LabelMap, structures: Sequence[tuple[int, ...]]) -> None:
    declared = {label for structure in structures for label in structure}
    other = sorted(set(np.unique(map_.array).tolist()) - declared - {0})
    if other:
        label = other[0]
        names = [n for s, n in map_.names.items() if label in map_.members.get(s, (s,))]
        called = f" ({', '.join(names)})" if names else ""
        raise VoCoError(
            f"{map_.path} holds the label {label}{called}, which is none of the "
            f"{len(structures)} structures: name all of them, or choose with --labels."
        )
