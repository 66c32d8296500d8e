"""Whether a volume is what a model knows, and lies as it says that it lies."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
import torch.nn.functional as F

from voco3d.data import check_image
from voco3d.data.preprocessing import array_to_image, image_to_array
from voco3d.positions.positioner import Positioner
from voco3d.positions.preparing import prepare
from voco3d.positions.turns import AWAY, SIDES, TOWARDS, TURNS, Turn
from voco3d.progress import Progress, silent

MARGIN = 0.05
"""A side is told where the mean cosine of the best turn is so much above that of any other turn.

Of 8 training CTs of `headneck-voco` the right answer led by 0.21 or more (order of the axes), 0.28
(front and back) and 0.09 (head and feet); left and right were within 0.005, whichever led.
"""
KNOWN = 0.6
"""Mean cosine with the reference bases below which a volume is not what the model knows."""

UNTOLD = "How it lies cannot be told."

Cosines = Mapping[Turn, npt.NDArray[np.float64]]


@dataclass(frozen=True)
class VolumeCheck:
    """What the reference bases say of a volume.

    Attributes:
        model: Name of the model.
        known: Whether the volume looks like those that the model was trained on, turned as it
            fits best.
        region: The region of the body that it looks like: the model's, where that is stated and
            the volume is known; else None. Where along the body the volume ends cannot be told.
        similarity: Mean cosine of the volume's bases with the reference bases, turned so.
        stated: The same for the volume as it is stated to lie.
        axes: Where the axes stated to run to R, A and S run to by the best turn, as in "RPS".
        margins: For "axes" (their order), "left-right", "front-back" and "head-feet": by how much
            the best turn leads those that differ in it.
        told: Which of these can be told.
        wrong: Which of these can be told, and are not as stated.
        answer: "as stated", "not as stated" or "cannot tell".
        sentences: The same for people.
    """

    model: str
    known: bool
    region: str | None
    similarity: float
    stated: float
    axes: str
    margins: Mapping[str, float]
    told: tuple[str, ...]
    wrong: tuple[str, ...]
    answer: str
    sentences: tuple[str, ...]

    def to_plain(self) -> dict[str, Any]:
        """The values for JSON."""
        return asdict(self)


def check_volume(
    positioner: Positioner,
    image: sitk.Image | Sequence[sitk.Image],
    progress: Progress = silent,
) -> VolumeCheck:
    """Ask the model's reference bases what an image shows and how it lies.

    Args:
        positioner: Its model must have reference bases.
        image: Scalar 3-D image, of any orientation; one for each channel of the model.
        progress: Told after every turn; an exception from it stops the work.

    Raises:
        VoCoError: If the model has no reference bases or the image cannot be used.
    """
    cosines = turn_cosines(positioner, image, progress)
    return judge(positioner.model.name, cosines, positioner.model.body_region)


def turn_cosines(
    positioner: Positioner,
    image: sitk.Image | Sequence[sitk.Image],
    progress: Progress = silent,
) -> Cosines:
    """For all 48 turns of an image the cosine of each base with its reference base, ``(base,)``.

    Raises:
        VoCoError: If the model has no reference bases or the image cannot be used.
    """
    images = [image] if isinstance(image, sitk.Image) else list(image)
    encoder = positioner.encoder
    reference = F.normalize(positioner.reference(), dim=-1)
    positioner.model.check_channels(len(images))
    for channel in images:
        check_image(channel)
    oriented = [sitk.DICOMOrient(channel, "RAS") for channel in images]
    cosines: dict[Turn, npt.NDArray[np.float64]] = {}
    for turn in TURNS:
        if not any(turn.flips):  # the body's box and the bases in it are flipped alike
            turned = [with_axes(channel, turn) for channel in oriented]
            array = prepare(turned, encoder.volume, encoder.grid).array
        flipped = np.ascontiguousarray(Turn(flips=turn.flips).of(array))
        bases = F.normalize(encoder(flipped, encoder.grid.starts(), encoder.grid.crop), dim=-1)
        cosines[turn] = (bases * reference).sum(dim=-1).double().cpu().numpy()
        progress(len(cosines), len(TURNS), "comparing orientations")
    return cosines


def with_axes(image: sitk.Image, turn: Turn) -> sitk.Image:
    """An image in which the axes of a RAS image have been turned, and are called R, A, S again."""
    array = np.ascontiguousarray(turn.of(image_to_array(image)))
    grid = sitk.Image(list(array.shape), sitk.sitkUInt8)
    grid.SetSpacing([image.GetSpacing()[axis] for axis in turn.order])
    grid.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    return array_to_image(array, grid)


def judge(model: str, cosines: Cosines, region: str | None = None) -> VolumeCheck:
    """Find the turn that fits best, and what of it is more than chance.

    Args:
        model: Name of the model.
        cosines: What ``turn_cosines`` returned.
        region: The region of the body that the model knows, where that is stated.
    """
    scores = {turn: float(values.mean()) for turn, values in cosines.items()}
    best = max(scores, key=scores.__getitem__)
    stated = scores[Turn()]
    lead = {"axes": _lead(scores, best, lambda turn: turn.order != best.order)}
    for axis, side in enumerate(SIDES):
        lead[side] = _lead(
            scores,
            best,
            lambda turn, axis=axis: (
                turn.order == best.order and turn.flips[axis] != best.flips[axis]
            ),
        )
    known = scores[best] >= KNOWN
    told: tuple[str, ...] = ()
    if known and lead["axes"] >= MARGIN:
        told = tuple(name for name, value in lead.items() if value >= MARGIN)
    differs = {"axes": best.order != (0, 1, 2), **dict(zip(SIDES, best.flips, strict=True))}
    wrong = tuple(name for name in told if differs[name])
    if wrong:
        answer = "not as stated"
    else:
        answer = "as stated" if {"axes", *SIDES[1:]} <= set(told) else "cannot tell"
    looks = _looks(model, known, scores[best], region)
    sentences = (looks, *(_lies(best, told, wrong, answer) if known else (UNTOLD,)))
    return VolumeCheck(
        model,
        known,
        region if known else None,
        scores[best],
        stated,
        best.axes,
        lead,
        told,
        wrong,
        answer,
        sentences,
    )


def _lead(scores: Mapping[Turn, float], best: Turn, differs: Any) -> float:
    return scores[best] - max(score for turn, score in scores.items() if differs(turn))


def _looks(model: str, known: bool, similarity: float, region: str | None) -> str:
    """What the volume shows, as a sentence."""
    those = f"the volumes that {model} was trained on"
    if known and region is not None:
        return f"It looks like {region}, as in {those} (similarity {similarity:.2f})."
    if known:
        return f"It looks like {those} (similarity {similarity:.2f})."
    other = f"(similarity {similarity:.2f}): another region of the body, or a part of"
    if region is not None:
        return f"It does not look like {region} as {model} knows it {other} it."
    return f"It does not look like {those} {other} theirs."


def _lies(
    best: Turn, told: tuple[str, ...], wrong: tuple[str, ...], answer: str
) -> tuple[str, ...]:
    """How a volume that is known lies, in sentences."""
    unclear = [side for side in SIDES if side not in told]
    if "axes" in wrong:
        says = f"Its axes look exchanged: those stated as R, A, S run to {_told_axes(best, told)}."
    elif wrong:
        says = f"It looks {_flips(wrong)}."
    elif answer == "as stated":
        says = "It lies as stated."
    else:
        says = "Nothing contradicts how it is stated to lie." if told else UNTOLD
    rest = (f"Cannot tell: {', '.join(unclear)}.",) if told and unclear else ()
    return (says, *rest)


def _told_axes(best: Turn, told: tuple[str, ...]) -> str:
    """Where the axes run to, both sides where it cannot be told which."""
    named = {}
    for axis, source in enumerate(best.order):
        one = best.axes[source]
        named[source] = one if SIDES[axis] in told else f"{TOWARDS[axis]} or {AWAY[axis]}"
    return ", ".join(named[source] for source in range(3))


def _flips(wrong: tuple[str, ...]) -> str:
    words = ["upside down" if side == "head-feet" else f"flipped {side}" for side in wrong]
    return " and ".join(words)
