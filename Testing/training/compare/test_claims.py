"""A run is one process's, whatever becomes of the process."""

import multiprocessing
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from voco3d.compare.claims import claim, owner_of
from voco3d.errors import VoCoError

OWN = f"{os.getpid()}@{socket.gethostname()}"


def left_by(path: Path, owner: str) -> None:
    """A claim as a process leaves it that was killed."""
    path.mkdir()
    (path / owner).touch()


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_claim_is_there_while_the_block_runs_and_leaves_nothing(tmp_path):
    path = tmp_path / "run.claim"
    with claim(path) as own:
        assert own
        assert owner_of(path) == OWN
    assert owner_of(path) == ""
    assert not list(tmp_path.iterdir())


def test_an_error_gives_it_back(tmp_path):
    with pytest.raises(KeyboardInterrupt), claim(tmp_path / "run.claim"):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("elsewhere", [False, True])
def test_that_of_another_process_is_respected(tmp_path, elsewhere):
    """One that runs, or one of which this machine knows nothing."""
    path = tmp_path / "run.claim"
    owner = f"{ended_process()}@elsewhere" if elsewhere else f"{os.getppid()}@{OWN.split('@')[1]}"
    left_by(path, owner)
    with claim(path) as own:
        assert not own
    assert owner_of(path) == owner
    assert [file.name for file in tmp_path.iterdir()] == ["run.claim"]


@pytest.mark.parametrize("number", [None, os.getpid()], ids=["ended", "own number"])
def test_that_of_an_ended_process_is_taken_over(tmp_path, number):
    """Also that of an earlier process of the same number, as in a container begun anew."""
    path = tmp_path / "run.claim"
    left_by(path, f"{number or ended_process()}@{socket.gethostname()}")
    with claim(path) as own:
        assert own
        assert [file.name for file in path.iterdir()] == [OWN]
    assert not list(tmp_path.iterdir())


def _contend(path: Path, barrier, won) -> None:
    barrier.wait()
    with claim(path) as own:
        if own:
            with won.get_lock():
                won.value += 1
        barrier.wait()


@pytest.mark.parametrize("left", [False, True])
def test_of_many_processes_one_has_it(tmp_path, left):
    """Whether it is free or one that an ended process left."""
    context = multiprocessing.get_context("fork")
    barrier, won = context.Barrier(4), context.Value("i", 0)
    ended = ended_process()
    for attempt in range(6):
        path = tmp_path / f"{attempt}.claim"
        if left:
            left_by(path, f"{ended}@{socket.gethostname()}")
        processes = [context.Process(target=_contend, args=(path, barrier, won)) for _ in range(4)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    assert won.value == 6


def test_a_folder_that_cannot_be_written_to_is_one_sentence(tmp_path):
    with pytest.raises(VoCoError, match="cannot be written to"), claim(tmp_path / "no" / "x"):
        pass
