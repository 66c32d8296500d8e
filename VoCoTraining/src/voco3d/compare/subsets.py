"""The labelled cases of a run: a draw that belongs to the seed, not to the initialisation."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from voco3d.finetuning.data_list import PARTS, Case, DataList

SUBSET = 2
"""Keeps the random numbers of the draw apart from those of the run."""


def draw_cases(cases: int, labels: int, seed: int) -> list[int]:
    """Indices of some cases, in order; those of a smaller draw are in every larger one.

    Args:
        cases: How many there are.
        labels: How many are drawn.
        seed: Of the draw.
    """
    order = np.random.default_rng((seed, SUBSET)).permutation(cases)
    return sorted(order[:labels].tolist())


def with_labels(data: DataList, labels: int, seed: int) -> DataList:
    """A data list with so many of its training cases; the others are dropped."""
    training = data.cases["training"]
    chosen = tuple(training[index] for index in draw_cases(len(training), labels, seed))
    return replace(data, cases={**data.cases, "training": chosen})


def to_json(data: DataList) -> dict[str, Any]:
    """What ``read_data_list`` reads, with absolute paths."""
    names = data.categories or data.structures
    content: dict[str, Any] = {
        part: [_entry(case, data.categories, names) for case in data.cases[part]] for part in PARTS
    }
    if data.channel_names:
        content["channel_names"] = {str(k): name for k, name in enumerate(data.channel_names)}
    if data.categories:
        return {"categories": list(data.categories), **content}
    values = [members if len(members) > 1 else members[0] for members in data.members]
    labels = dict(zip(data.structures, values, strict=True))
    order = {"regions_class_order": data.written} if data.overlapping else {}
    return {"labels": {"background": 0, **labels}, **order, **content}


def _entry(case: Case, categories: Sequence[str], names: Sequence[str]) -> dict[str, Any]:
    entry: dict[str, Any] = {"image": [str(image) for image in case.images]}
    if case.category is not None:
        entry["class"] = categories[case.category]
    else:
        entry["label"] = str(case.label)
        if len(case.known) < len(names):
            entry["classes"] = [names[index] for index in sorted(case.known)]
    return entry if case.patient is None else {**entry, "patient": case.patient}
