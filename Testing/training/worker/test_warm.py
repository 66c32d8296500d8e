"""The model that was used last stays in memory, for some time."""

import gc
import shutil
import weakref

import pytest
import torch

from Testing.conftest import small_model
from voco3d.errors import VoCoError
from voco3d.worker.warm import WarmModel


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def warm(clock):
    return WarmModel(10.0, clock)


def loaded(warm, model, device="cpu"):
    with warm.use(str(model), device) as segmenter:
        return segmenter


def test_the_same_model_is_loaded_once(warm, model_folder):
    checkpoint = model_folder / "models/model.safetensors"
    for model in (model_folder, checkpoint):
        first = loaded(warm, model).network
        assert loaded(warm, model).network is first
        assert loaded(warm, model, "auto").network is first


def test_another_model_takes_its_place(warm, model_folder, tmp_path):
    small_model(tmp_path / "other")
    first = weakref.ref(loaded(warm, model_folder).network)
    loaded(warm, tmp_path / "other")
    gc.collect()
    assert first() is None


def test_a_model_that_changed_on_disk_is_loaded_again(warm, model_folder, tmp_path):
    folder = tmp_path / "small"
    shutil.copytree(model_folder, folder)
    first, digest = loaded(warm, folder).network, warm.hash_of(folder / "models/model.safetensors")
    small_model(tmp_path / "new", window=(32, 32, 32))
    for file in ("models/model.safetensors", "configs/metadata.json"):
        shutil.copy(tmp_path / "new" / file, folder / file)
    weights = folder / "models/model.safetensors"
    weights.write_bytes(weights.read_bytes() + b" ")
    assert warm.hash_of(weights) != digest
    weights.write_bytes(weights.read_bytes()[:-1])
    again = loaded(warm, folder)
    assert again.network is not first
    assert again.model.window == (32, 32, 32)


def test_a_model_is_let_go_when_nobody_used_it_for_long(warm, clock, model_folder):
    network = weakref.ref(loaded(warm, model_folder).network)
    clock.now = 9
    assert not warm.release_if_idle()
    loaded(warm, model_folder)
    clock.now = 18
    assert not warm.release_if_idle()
    clock.now = 19
    assert warm.release_if_idle()
    assert network() is None
    assert not warm.release_if_idle()


def test_a_model_in_use_is_not_let_go(warm, clock, model_folder):
    with warm.use(str(model_folder), "cpu"):
        clock.now = 1000
        assert not warm.release_if_idle()
    assert not warm.release_if_idle()
    clock.now = 2000
    assert warm.release_if_idle()


def test_a_model_that_cannot_be_loaded_leaves_nothing_in_use(warm, clock, model_folder):
    loaded(warm, model_folder)
    with pytest.raises(VoCoError, match="There is no model"):
        loaded(warm, "nothing")
    clock.now = 1000
    assert warm.release_if_idle()


def test_to_measure_the_cost_leaves_the_network_where_a_job_uses_it(
    warm, model_folder, monkeypatch
):
    """A job that ran out of a device's memory goes on with the network on the CPU."""
    from voco3d.worker import warm as module

    places = []

    def measured(network, model, device, window):
        places.extend({parameter.device.type for parameter in network.parameters()})

    monkeypatch.setattr(module, "measure_cost", measured)
    with warm.use(str(model_folder), "cpu") as segmenter:
        segmenter.device = torch.device("meta")
        warm.cost_of(segmenter, segmenter.model.window)
        assert places == ["meta"]
        assert {p.device.type for p in segmenter.network.parameters()} == {"cpu"}


def test_the_cost_is_measured_once(warm, model_folder, monkeypatch):
    from voco3d.worker import warm as module

    measured = []
    monkeypatch.setattr(module, "measure_cost", lambda *given: measured.append(given) or "cost")
    with warm.use(str(model_folder), "cpu") as segmenter:
        window, small = segmenter.window(False), segmenter.window(True)
        assert warm.known_cost_of(segmenter, window) is None
        assert warm.cost_of(segmenter, window) == warm.cost_of(segmenter, window) == "cost"
        assert warm.known_cost_of(segmenter, window) == "cost"
        assert warm.known_cost_of(segmenter, small) is None
    assert [given[-1] for given in measured] == [window]
