"""The images that were asked about last stay open, for some time."""

import gc
import shutil
import weakref
from pathlib import Path
from types import SimpleNamespace

import pytest
import SimpleITK as sitk

from Testing.training.models.position_model import position_model
from Testing.training.positions.pictures import noise
from voco3d.worker.opened import OpenImages


@pytest.fixture
def clock():
    return SimpleNamespace(now=0.0)


@pytest.fixture
def images(clock):
    return OpenImages(10.0, lambda: clock.now)


@pytest.fixture
def job():
    """Keeps what it is told."""
    told = []
    return SimpleNamespace(
        told=told, progress=lambda done, total, what: told.append(what) if what not in told else 0
    )


@pytest.fixture
def file(image_file):
    return Path(image_file)


@pytest.fixture
def model(positions_model):
    return str(positions_model.folder)


def test_image_pair_and_check_share_a_model(images, job, file, model):
    with images.in_use():
        volume = images.volume(file, model, "cpu", None, job)
        pair = images.pair(file, file, model, "cpu", job)
        check = images.check(file, model, "cpu", job)
        assert job.told.count("loading the model") == 1
        job.told.clear()
        assert images.volume(file, model, "auto", None, job) is volume
        assert images.pair(file, file, model, "cpu", job) is pair
        assert images.check(file, model, "cpu", job) is check
        assert job.told == []


def test_a_model_that_changed_on_disk_is_loaded_again(images, job, file, model, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    for name in (str(folder), str(folder / "models/model.safetensors")):
        with images.in_use():
            first = images.volume(file, name, "cpu", None, job)
            position_model(tmp_path / "other")
            shutil.copy(tmp_path / "other/models/model.safetensors", folder / "models")
            shutil.rmtree(tmp_path / "other")
            assert images.volume(file, name, "cpu", None, job) is not first


def test_another_model_takes_its_place(images, job, file, model, tmp_path):
    position_model(tmp_path / "other")
    with images.in_use():
        first = weakref.ref(images.volume(file, model, "cpu", None, job))
        other = images.volume(file, str(tmp_path / "other"), "cpu", None, job)
        gc.collect()
        assert first() is None
        assert other.report(()).model == "other"


def test_all_is_let_go_when_nobody_used_it_for_long(images, clock, job, file, model):
    assert not images.release_if_idle()
    clock.now = 100
    with images.in_use():
        volume = weakref.ref(images.volume(file, model, "cpu", None, job))
        clock.now = 200
        assert not images.release_if_idle()
    clock.now = 209
    assert not images.release_if_idle()
    clock.now = 210
    assert images.release_if_idle()
    gc.collect()
    assert volume() is None
    assert not images.release_if_idle()


def test_what_fails_leaves_nothing_in_use(images, clock, job, file, model, tmp_path):
    def stop(*state):
        raise InterruptedError

    with images.in_use():
        images.volume(file, model, "cpu", None, job)
    sitk.WriteImage(noise(), str(tmp_path / "next.nrrd"))
    with pytest.raises(InterruptedError), images.in_use():
        images.volume(tmp_path / "next.nrrd", model, "cpu", None, SimpleNamespace(progress=stop))
    clock.now = 100
    assert images.release_if_idle()
