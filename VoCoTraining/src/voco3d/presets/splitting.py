"""Which cases of a data set are trained on, validated on and tested on."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from voco3d.errors import VoCoError
from voco3d.presets.finding import Case
from voco3d.presets.preset import Preset

Split = dict[str, tuple[Case, ...]]

DRAWN = 6
"""Of the training patients one in so many is validated on, where the authors' cases are to test."""


def split(
    preset: Preset, cases: Sequence[Case], fold: int | None = None, test: bool = False
) -> Split:
    """The authors' split of a data set, or as many folds as theirs.

    Folds are dealt by a hash of the patients, each class on its own: all images of a patient are
    in one fold, and which one depends on nothing but who the patients are.

    Args:
        preset: The data set.
        cases: Its cases that are there.
        fold: Which fold is held out, from 0; None for the first, where there are folds.
        test: Test on what is held out, and validate on one in six of the other patients: the
            figure is then of cases that did not choose the weights.

    Returns:
        Cases of "training", "validation" and "test".

    Raises:
        VoCoError: If there is no such fold, or a part that is needed would be empty.
    """
    if fold is not None and not 0 <= fold < preset.folds:
        choose = f"choose from 0 to {preset.folds - 1}" if preset.folds else "leave out --fold"
        raise VoCoError(f"{preset.title} has no fold {fold}: {choose}.")
    if preset.folds:
        dealt = _deal(cases, preset.folds)
        held_out = {case.name for case in cases if dealt[case.patient] == (fold or 0)}
    else:
        held_out = set(preset.validation)
    training = tuple(case for case in cases if case.name not in held_out)
    parts: Split = {
        "training": training,
        "validation": tuple(case for case in cases if case.name in held_out),
        "test": (),
    }
    if test:
        drawn = {patient for patient, part in _deal(training, DRAWN).items() if part == 0}
        parts = {
            "training": tuple(case for case in training if case.patient not in drawn),
            "validation": tuple(case for case in training if case.patient in drawn),
            "test": parts["validation"],
        }
    for part in ("training", "validation", *(["test"] if test else [])):
        if not parts[part]:
            raise VoCoError(
                f"Of the {len(cases)} complete cases of {preset.title} none is left for {part}: "
                "complete the data set."
            )
    return parts


def _deal(cases: Sequence[Case], parts: int) -> dict[str, int]:
    """Deal the patients of each class like cards, in the order of a hash of their names."""
    patients: dict[str | None, set[str]] = defaultdict(set)
    for case in cases:
        patients[case.category].add(case.patient)
    dealt: dict[str, int] = {}
    for category in sorted(patients, key=str):
        ordered = sorted(patients[category], key=lambda p: hashlib.sha256(p.encode()).digest())
        dealt |= {patient: index % parts for index, patient in enumerate(ordered)}
    return dealt
