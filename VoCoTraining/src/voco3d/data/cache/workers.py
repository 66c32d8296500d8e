"""Where the sources are worked on: processes of this machine, or a dask cluster."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from contextlib import contextmanager

from voco3d.errors import VoCoError

TIMEOUT = 30
"""Seconds to wait for a scheduler and for its first worker."""


@contextmanager
def workers(count: int | None, scheduler: str | None = None) -> Iterator[Executor]:
    """An executor that works in several processes; on leaving, what has not begun is dropped.

    Args:
        count: Processes on this machine; None for one a core. For 1 it is this process itself.
        scheduler: Address of a dask scheduler, whose workers are used instead.

    Raises:
        VoCoError: If dask is not installed, no scheduler or no worker answers, or a worker ends.
    """
    if scheduler is not None:
        with _cluster(scheduler) as executor:
            yield executor
        return
    executor = ThreadPoolExecutor(1) if count == 1 else _processes(count)
    try:
        yield executor
    except BrokenExecutor as error:
        raise VoCoError(
            "A worker process ended, perhaps for want of memory: build again with fewer --workers; "
            "what is cached stays."
        ) from error
    finally:
        executor.shutdown(cancel_futures=True)


def _processes(count: int | None) -> Executor:
    # Forking a process in which threads run, as those of ITK, can hang.
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, mp_context=spawn, initializer=_end_with_parent)


@contextmanager
def _cluster(scheduler: str) -> Iterator[Executor]:
    try:
        from distributed import Client, KilledWorker
    except ImportError as error:
        raise VoCoError(
            "--scheduler needs dask.distributed: install it with `pip install 'voco3d[cluster]'`."
        ) from error
    try:
        client = Client(scheduler, timeout=TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise VoCoError(
            f"No dask scheduler answers at {scheduler}: start one with `dask scheduler`."
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=TIMEOUT)
        except asyncio.TimeoutError as error:
            raise VoCoError(
                f"The dask scheduler at {scheduler} has no workers: start some with `dask worker "
                f"{scheduler}`."
            ) from error
        executor = client.get_executor(pure=False)
        try:
            yield executor
        except (KilledWorker, CancelledError) as error:
            raise VoCoError(
                f"The workers of {scheduler} were lost: build again when they are back; what is "
                "cached stays."
            ) from error
        finally:
            executor.shutdown(wait=False)


def _end_with_parent() -> None:
    """Leave Ctrl-C to the parent, and end when it is gone: a killed build leaves no process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, name="end with parent", daemon=True).start()
