"""What a check says to people, from what the library answers."""

from typing import Any

import numpy as np
import pytest

from voco3d.positions.checking import judge
from voco3d.positions.turns import TURNS, Turn
from VoCoSlicerLib.positions.check_texts import contradicts, question, sentence

SIDES = ("left-right", "front-back", "head-feet")


def check(
    answer: str,
    told: tuple[str, ...] = (),
    wrong: tuple[str, ...] = (),
    known: bool = True,
    region: str | None = None,
):
    return {
        "model": "m",
        "known": known,
        "region": region,
        "answer": answer,
        "told": told,
        "wrong": wrong,
    }


def test_the_answers_are_those_of_the_library() -> None:
    """The words of `voco3d.positions.checking`: else a warning would be lost in silence."""

    def found(best: Turn) -> dict[str, Any]:
        cosines = {turn: np.full(4, 0.95 if turn == best else 0.3) for turn in TURNS}
        return judge("m", cosines).to_plain()

    stated = found(Turn())
    assert not contradicts(stated)
    assert sentence(stated) == "Orientation checked: as stated."
    for axis, words in enumerate(("left to right", "front to back", "upside down")):
        flips = tuple(n == axis for n in range(3))
        turned = found(Turn(flips=flips))
        assert contradicts(turned)
        assert words in sentence(turned)
    (exchanged, *_rest) = [turn for turn in TURNS if turn.order != (0, 1, 2)]
    assert "other axes" in question(found(exchanged))


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (check("cannot tell"), ""),
        (check("cannot tell", ("axes",)), ""),
        (
            check("as stated", ("axes", "front-back", "head-feet")),
            "Orientation checked: as stated (left and right cannot be told).",
        ),
        (
            check("as stated", ("axes", *SIDES), region="chest"),
            "Looks like chest. Orientation checked: as stated.",
        ),
        (
            check("cannot tell", known=False),
            "m does not know this part of the body, so the orientation was not checked.",
        ),
        (
            check("not as stated", SIDES, ("front-back", "head-feet")),
            "This volume looks flipped front to back and upside down: its orientation may be "
            "stated wrongly.",
        ),
    ],
    ids=["nothing", "little", "stated", "region", "unknown", "two flips"],
)
def test_what_is_said(found: dict[str, Any], says: str) -> None:
    assert sentence(found) == says


def test_the_question_names_what_is_wrong() -> None:
    asked = question(check("not as stated", SIDES, ("head-feet",)))
    assert asked == "This volume looks upside down. Segment it all the same?"
