"""The stand-in for Slicer, and jobs that do not outlive their test."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import slicer

from Testing.harness.fixtures import *  # noqa: F403
from Testing.slicer.training.small_training import STAND_IN, ThisPython, end
from VoCoSlicerLib.training.jobs import Job, Training, start


@pytest.fixture
def scene(harness_session):
    """An empty scene."""
    return slicer.mrmlScene


@pytest.fixture
def begin(tmp_path) -> Iterator[Callable[..., Job]]:
    """Starts jobs, and ends what is left of them."""
    begun = []
    (tmp_path / "data").mkdir()

    def begin(preset, first=STAND_IN, **changes) -> Job:
        training = Training(preset, tmp_path / "data", tmp_path / "run", device="cpu")
        begun.append(start(replace(training, **changes), ThisPython(first=first)))
        return begun[-1]

    yield begin
    for job in begun:
        end(job)
