"""What the worker says to people is in the user's language: nothing that it can say is missing."""

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from Testing.slicer.worker.connection import Asked
from voco3d.positions.checking import judge
from voco3d.positions.turns import TURNS, Turn
from VoCoSlicerLib.worker import words
from VoCoSlicerLib.worker.words import translated

PACKAGE = Path(__file__).resolve().parents[3] / "VoCoTraining/src/voco3d"

ROOMS = ("worker", "inference", "positions", "figures")
"""Where a job of the worker says what it does."""

SPOKEN = ("inference/estimate.py", "positions/positioner.py")
"""Files whose sentences are all for people, but for the reasons of errors."""


@pytest.fixture(autouse=True)
def foreign(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A user whose language is English in angle quotes."""
    monkeypatch.setattr(words, "_", lambda text: f"«{text}»")
    words._sentences.cache_clear()
    yield
    words._sentences.cache_clear()


def texts_of(node: ast.AST) -> Iterator[str]:
    """What an expression can say, with x where a value stands."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "x" for part in node.values]
        yield "".join(map(str, parts))
    else:
        for inner in ast.iter_child_nodes(node):
            yield from texts_of(inner)


def called(node: ast.expr) -> str:
    """The last part of a name."""
    return getattr(node, "attr", getattr(node, "id", ""))


def steps_in(tree: ast.Module) -> Iterator[str]:
    """What is given to a ``progress`` or beside one, and what a ``what`` is by default."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            beside = "progress" in map(called, node.args)
            if beside or (called(node.func) == "progress" and len(node.args) == 3):
                for argument in node.args:
                    yield from texts_of(argument)
        if isinstance(node, ast.arguments):
            named = zip(reversed(node.args), reversed(node.defaults), strict=False)
            for default in (value for argument, value in named if argument.arg == "what"):
                yield from texts_of(default)


def notes_in(tree: ast.Module) -> Iterator[str]:
    """What is given to a ``note``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node.func) == "note":
            for argument in node.args:
                yield from texts_of(argument)


def sentences_in(node: ast.AST) -> Iterator[str]:
    """What ends like a sentence, but for docstrings and the reasons of errors."""
    if isinstance(node, ast.Raise) or (isinstance(node, ast.Expr) and is_text(node.value)):
        return
    if is_text(node):
        yield from (text for text in texts_of(node) if text.endswith(".") and " " in text)
        return
    for inner in ast.iter_child_nodes(node):
        yield from sentences_in(inner)


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr | ast.Constant)


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def trees() -> list[ast.Module]:
    files = [file for room in ROOMS for file in sorted((PACKAGE / room).rglob("*.py"))]
    return [tree_of(file) for file in files]


def test_no_step_of_a_job_is_missing() -> None:
    said = {step for tree in trees() for step in steps_in(tree)}
    assert {"segmenting", "reading", "loading the model", "placing on the image"} < said
    assert {"embedding bases", "embedding crops", "comparing orientations", "drawing"} < said
    assert [step for step in said if translated(step) != f"«{step}»"] == []


def test_no_remark_and_no_advice_is_missing() -> None:
    said = {note for tree in trees() for note in notes_in(tree)}
    for name in SPOKEN:
        said |= set(sentences_in(tree_of(PACKAGE / name)))
    assert any(sentence.startswith("Memory ran out: ") for sentence in said)
    assert any("region of interest" in sentence for sentence in said)
    assert any("middle x of the body's box" in sentence for sentence in said)
    assert [sentence for sentence in said if translated(sentence)[:2] != f"«{sentence[0]}"] == []


@pytest.mark.parametrize("region", [None, "the head and neck"])
def test_no_sentence_of_a_check_is_missing(region: str | None) -> None:
    """For volumes that lie in each of the 48 ways, clearly or hardly, known or unknown."""
    said: set[str] = set()
    for level, lead in itertools.product((0.9, 0.1), (0.2, 0.0)):
        for best in TURNS:
            cosines = {turn: np.full(4, level - lead * (turn != best)) for turn in TURNS}
            for side in range(3):  # one side that cannot be told
                flips = tuple(flip != (axis == side) for axis, flip in enumerate(best.flips))
                other = {Turn(best.order, flips): cosines[best]} if lead else {}
                said.update(judge("small", {**cosines, **other}, region).sentences)
            said.update(judge("small", cosines, region).sentences)
    assert len(said) > 20
    assert [text for text in said if translated(text)[:2] != f"«{text[0]}"] == []


def test_what_stands_in_a_gap_is_kept_and_translated_itself() -> None:
    assert translated(
        "Memory ran out: continuing with windows of 9 x 9 x 9 voxels on the cpu."
    ) == ("«Memory ran out: continuing with «windows of 9 x 9 x 9 voxels on the cpu».»")
    half = "windows of 9 x 9 x 9 voxels on the cpu, summed in half precision"
    assert translated(half) == f"«{half}»"
    looks = "It looks like the volumes that small was trained on (similarity 0.91)."
    assert translated(looks) == f"«{looks}»"
    assert translated("It looks upside down.") == "«It looks «upside down».»"


def test_what_is_unknown_stays_as_it_is() -> None:
    for text in ("", "Loading…", "reading {1}", "reading tea leaves", "100 % \\d {"):
        assert translated(text) == text


def test_an_entry_says_what_the_worker_says() -> None:
    """The two texts of an entry are one, or a translator would translate something else."""
    assert {f"«{said}»" for said in words._sentences()} == set(words._sentences().values())
    assert [f"«{said}»" for said in words._sentences()] == list(words._sentences().values())


def test_progress_and_notes_come_in_the_users_language(fake, loop) -> None:
    asked = Asked(fake())
    loop.wait(lambda: asked.ended)
    assert {step[2] for step in asked.progress} == {"«segmenting»"}
    assert asked.notes == ["«How it lies cannot be told.»"]
