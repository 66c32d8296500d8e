"""The model of a run that was stopped: what has been trained so far, and the run can go on."""

from dataclasses import replace
from pathlib import Path

import pytest

from Testing.training.pretraining.tiny_cache import CONFIG, changed, write_cache
from voco3d.errors import VoCoError
from voco3d.models import read_model
from voco3d.pretraining.config_file import write_config
from voco3d.pretraining.module import VoCoModule
from voco3d.pretraining.training import finish, load_network, pretrain, resume
from voco3d.training.record import append_row, read_rows
from voco3d.weights import read_tensors


@pytest.fixture
def cache(tmp_path) -> Path:
    return write_cache(tmp_path / "cache")


@pytest.fixture
def stopped(cache, tmp_path, monkeypatch) -> Path:
    """A run that broke in step 6, after it had saved step 4."""
    train = VoCoModule.training_step

    def broken(self, batch, batch_idx):
        if self.global_step == 5:
            raise RuntimeError
        return train(self, batch, batch_idx)

    config = changed("monitoring", probe_every=2)
    monkeypatch.setattr(VoCoModule, "training_step", broken)
    with pytest.raises(RuntimeError):
        pretrain(config, cache, tmp_path / "run")
    monkeypatch.undo()
    return tmp_path / "run"


def test_it_has_the_last_weights_and_says_after_how_many_steps(stopped):
    network = load_network(stopped).backbone.state_dict()
    model = read_model(finish(stopped))
    tensors = read_tensors(model.weights).tensors
    encoder = {key: tensor for key, tensor in tensors.items() if key in network}
    assert len(encoder) > 5
    for key, tensor in encoder.items():
        assert tensor.equal(network[key]), key
    assert model.card.training["steps_done"] == 4
    assert model.card.results["validation probe"]["step"] == 4
    assert model.positions is not None


def test_a_row_that_is_younger_than_the_weights_is_not_theirs(stopped):
    record = stopped / "logs" / "probe.csv"
    append_row(record, {**read_rows(record)[-1], "step": 5})
    assert read_model(finish(stopped)).card.results["validation probe"]["step"] == 4


def test_the_run_can_still_go_on(stopped):
    before = read_tensors(read_model(finish(stopped)).weights).tensors
    after = read_tensors(read_model(resume(stopped)).weights).tensors
    assert read_model(stopped / "model").card.training["steps_done"] == 6
    assert any(not after[key].equal(tensor) for key, tensor in before.items())


def test_a_run_without_a_checkpoint_is_refused(cache, tmp_path):
    (tmp_path / "run").mkdir()
    write_config(tmp_path / "run" / "config.yaml", cache, CONFIG)
    with pytest.raises(VoCoError, match="has no checkpoint yet: let it train until it has saved"):
        finish(tmp_path / "run")
    assert not (tmp_path / "run" / "model").exists()


def test_the_card_does_not_tell_where_the_first_weights_lay(stopped, cache, tmp_path):
    network = replace(CONFIG.network, init=finish(stopped))
    config = replace(changed("optimisation", steps=1, warmup=0), network=network)
    card = read_model(pretrain(config, cache, tmp_path / "other")).card
    assert card.training["network"]["init"] == "model"
    assert str(tmp_path) not in str(card)
