"""Caching on a dask cluster: real ones, of worker processes on this machine."""

import socket
import sys
from pathlib import Path

import numpy as np
import pytest

from Testing.training.data.caching import SETTINGS, write_cts
from voco3d.data import find_sources
from voco3d.data.cache import build_cache, open_cache
from voco3d.data.cache import workers as workers_module
from voco3d.errors import VoCoError

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster():
    options = {"threads_per_worker": 1, "dashboard_address": None, "processes": True}
    with distributed.LocalCluster(n_workers=2, **options) as cluster:
        yield cluster


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def test_two_workers_make_the_same_cache(tmp_path, cluster):
    data = write_cts(tmp_path / "data", 8)
    (data / "broken.mha").write_bytes(b"nothing")
    sources = find_sources(data)
    seen = []
    report = build_cache(
        sources,
        tmp_path / "cluster",
        SETTINGS,
        scheduler=cluster.scheduler_address,
        progress=lambda *state: seen.append(state),
    )
    assert (len(report.cached), list(report.skipped)) == (8, ["broken"])
    assert seen[-1] == (9, 9, "caching")
    build_cache(sources, tmp_path / "alone", SETTINGS, count=1)
    one, other = open_cache(tmp_path / "cluster"), open_cache(tmp_path / "alone")
    assert one.volumes == other.volumes
    for index in range(8):
        assert np.array_equal(one.read(index), other.read(index))


def who(number: int) -> str:
    import time

    time.sleep(0.2)
    return distributed.get_worker().address


def test_both_workers_work(cluster):
    with workers_module.workers(None, cluster.scheduler_address) as executor:
        assert len(set(executor.map(who, range(6)))) == 2


def test_a_build_goes_on_over_the_cluster(tmp_path, cluster):
    data = write_cts(tmp_path / "data", 4)
    build_cache(find_sources(data)[:2], tmp_path / "cache", SETTINGS, count=1)
    options = {"scheduler": cluster.scheduler_address}
    report = build_cache(find_sources(data), tmp_path / "cache", SETTINGS, **options)
    assert (len(report.cached), len(report.reused)) == (2, 2)


def test_no_scheduler(tmp_path, monkeypatch):
    monkeypatch.setattr(workers_module, "TIMEOUT", 1)
    sources = find_sources(write_cts(tmp_path / "data", 1))
    for address in (free_address(), "nonsense://x", "tcp://"):
        with pytest.raises(VoCoError, match="No dask scheduler answers"):
            build_cache(sources, tmp_path / "cache", SETTINGS, scheduler=address)


def test_no_workers(tmp_path, monkeypatch):
    monkeypatch.setattr(workers_module, "TIMEOUT", 2)
    sources = find_sources(write_cts(tmp_path / "data", 1))
    with distributed.LocalCluster(n_workers=0, dashboard_address=None) as empty:
        address = empty.scheduler_address
        with pytest.raises(VoCoError, match="no workers"):
            build_cache(sources, tmp_path / "cache", SETTINGS, scheduler=address)


def test_dask_is_not_installed(tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    sources = find_sources(write_cts(tmp_path / "data", 1))
    with pytest.raises(VoCoError, match=r"pip install 'voco3d\[cluster\]'"):
        build_cache(sources, tmp_path / "cache", SETTINGS, scheduler="tcp://127.0.0.1:1")
