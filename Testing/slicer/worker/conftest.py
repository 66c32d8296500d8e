"""Connections to fake workers, and the event loop that they need."""

import gc
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from Testing.harness.fixtures import *  # noqa: F403 - the session's fixtures
from Testing.slicer.worker.connection import FAKE, LONGEST_PAUSE, Loop
from VoCoSlicerLib.worker.environment import PythonEnvironment
from VoCoSlicerLib.worker.process import Limits, Worker


@pytest.fixture
def loop(harness_session: None) -> Iterator[Loop]:
    """The event loop; the test fails if something kept it busy or waiting for too long."""
    gc.freeze()  # going through all that the tests have imported takes longer than a pause may
    loop = Loop()
    yield loop
    gc.unfreeze()
    assert loop.longest_pause < LONGEST_PAUSE


@pytest.fixture
def fake(loop: Loop) -> Iterator[Callable[..., Worker]]:
    """Makes connections to fake workers with a fault; they are quick to lose patience."""
    workers = []

    def make(fault: str = "none", limits: Limits | None = None, **options: Any) -> Worker:
        environment = options.pop("environment", PythonEnvironment(sys.executable, of_slicer=True))
        worker = Worker(
            environment,
            limits=limits or Limits(starting=30.0, silence=2.0, cancelling=0.4),
            arguments=[str(FAKE), fault],
            **options,
        )
        workers.append(worker)
        return worker

    yield make
    for worker in workers:
        worker.stop()
    loop.run(0.05)
