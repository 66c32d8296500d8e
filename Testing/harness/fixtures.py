"""Fixtures for tests in the harness: `from Testing.harness.fixtures import *` in a conftest.py."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import dialogs, failures, installations, load_module, new_scene, start, wait
from .processes import running_children

start()

SECONDS_TO_END = 2.0

__all__ = ["harness_session", "voco_slicer"]


@pytest.fixture
def harness_session(tmp_path: Path) -> Iterator[None]:
    """A fresh scene, settings and dialogs.

    The test fails if an exception left a slot, if an answer to a dialog was not asked for, or
    if a process that it started still runs two seconds later.
    """
    from .application import use_settings_folder

    use_settings_folder(tmp_path / "settings")
    new_scene()
    dialogs.clear()
    installations.clear()
    failures.take()
    before = running_children()
    yield
    faults = faults_left(before)
    assert not faults, "\n".join(faults)


def faults_left(before: set[int]) -> list[str]:
    """What a test left behind that it must not, given the processes before it."""
    faults = [f"exception {failure}" for failure in failures.take()]
    faults += [f"the answer {answer!r} was not asked for" for answer in dialogs.answers]
    try:
        wait(lambda: running_children() <= before, SECONDS_TO_END)
    except TimeoutError:
        faults.append(f"processes still run: {running_children() - before}")
    return faults


@pytest.fixture
def voco_slicer(harness_session: None) -> Iterator[Any]:
    """The module, loaded and shown."""
    loaded = load_module("VoCoSlicer")
    yield loaded
    loaded.unload()
