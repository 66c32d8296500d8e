"""Whether a run learns, has collapsed, or cannot be judged yet."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from voco3d.training.record import Row

ALIKE = 0.95
"""Bases whose mean similarity is above this look the same to the network."""
ONE_DIRECTION = 1.5
"""Embeddings whose effective rank is below this point the same way."""

ADVICE_COLLAPSED = (
    "Try a lower learning rate, more volumes a step, a larger regularisation weight, or a recipe "
    "with a teacher (cvpr-code); and look at the example crops in the report: they must show "
    "anatomy, not air or noise."
)
ADVICE_STUCK = (
    "Give it more steps; if it stays so, try another learning rate or more volumes a step, and "
    "look at the example crops in the report."
)


@dataclass(frozen=True)
class Verdict:
    """What a measurement of the probe says about a run.

    Attributes:
        kind: "learning": clearly more accurate than the untrained network; "collapsed": the
            embeddings no longer tell crops apart; "no better than untrained": neither, though the
            warm-up is over; "too early": neither, during the warm-up.
        evidence: One sentence for each sign, with its figures.
        advice: What to try; empty where nothing is wrong.
    """

    kind: Literal["learning", "collapsed", "no better than untrained", "too early"]
    evidence: tuple[str, ...]
    advice: str = ""

    def __str__(self) -> str:
        return " ".join((*self.evidence, self.advice)).strip()


def judge(probe: Row) -> Verdict:
    """Judge a row of the probe's record.

    During the warm-up nothing counts as a collapse. Accuracies are compared beyond two standard
    errors, since the probe has few crops.

    Args:
        probe: A row with the columns of ``record.PROBE_COLUMNS``.
    """
    step, top1, untrained = int(probe["step"]), probe["top1"], probe["untrained"]
    trained = step > 0 and step >= probe["warmup_steps"]
    if trained and (signs := _signs_of_collapse(probe)):
        return Verdict("collapsed", tuple(signs), ADVICE_COLLAPSED)
    known = math.isfinite(untrained)
    accuracy = (
        f"After {step} steps position accuracy is {top1:.2f} (chance {probe['chance']:.2f}, "
        f"untrained {f'{untrained:.2f}' if known else 'unknown'})"
    )
    baseline = untrained if known else probe["chance"]
    if step > 0 and top1 > baseline + 2 * _standard_error(baseline, probe["crops"]):
        return Verdict("learning", (f"{accuracy}.",))
    if trained:
        evidence = f"{accuracy}: not clearly better than the untrained network."
        return Verdict("no better than untrained", (evidence,), ADVICE_STUCK)
    return Verdict("too early", (f"{accuracy}; the warm-up is not over.",))


def warnings_of(probes: Sequence[Row]) -> dict[int, str]:
    """What to say in the course of a run, by step, wherever the verdict changes to a bad one.

    Args:
        probes: The rows of the probe's record.
    """
    warnings: dict[int, str] = {}
    before = "too early"
    for probe in probes:
        verdict = judge(probe)
        if verdict.kind != before and verdict.advice:
            word = "WARNING" if verdict.kind == "collapsed" else "NOTE"
            step = int(probe["step"])
            warnings[step] = f"{word} at step {step}: {verdict.kind}. {verdict}"
        before = verdict.kind
    return warnings


def _signs_of_collapse(probe: Row) -> list[str]:
    signs = []
    if not math.isfinite(probe["prediction"]):
        signs.append("The embeddings are not finite numbers.")
    if probe["similarity"] > ALIKE:
        signs.append(f"The bases look alike: their mean similarity is {probe['similarity']:.2f}.")
    if probe["effective_rank"] < ONE_DIRECTION:
        signs.append(
            "All embeddings point the same way: their effective rank is "
            f"{probe['effective_rank']:.1f}."
        )
    chance = probe["chance"]
    if chance < 1 and probe["top1"] <= chance + 2 * _standard_error(chance, probe["crops"]):
        signs.append(f"Position accuracy is {probe['top1']:.2f}, as guessing ({chance:.2f}).")
    return signs


def _standard_error(share: float, count: float) -> float:
    return math.sqrt(share * (1 - share) / count)
