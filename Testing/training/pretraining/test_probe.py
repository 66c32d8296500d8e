import copy
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from Testing.training.pretraining.small_run import (
    GRID,
    PlaceCrops,
    place_volume,
    small_network,
    small_probe,
)
from voco3d.geometry import BaseGrid, overlap_shares, random_starts
from voco3d.losses import RECIPES, Embeddings, objective
from voco3d.pretraining.monitoring.examples import (
    assemble,
    crop_start,
    make_examples,
    read_examples,
    write_examples,
)
from voco3d.pretraining.monitoring.probe import Probe

PAPER = RECIPES["paper"]


def random_states():
    numpy = np.random.get_state()[1].tolist()  # noqa: NPY002
    return random.getstate(), numpy, torch.get_rng_state().tolist()


def test_measuring_leaves_the_network_and_all_random_states_as_they_were():
    network = small_network()
    network.backbone.eval()  # a mode of its own for a part of the network
    before = copy.deepcopy(network.state_dict())
    modes, states = [m.training for m in network.modules()], random_states()
    small_probe().measure(network, PAPER)
    assert [m.training for m in network.modules()] == modes
    assert random_states() == states
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert all(p.grad is None for p in network.parameters())


def test_the_mode_is_restored_when_the_measurement_is_interrupted():
    class Interrupted(PlaceCrops):
        def __getitem__(self, draw):
            raise KeyboardInterrupt

    network = small_network().train()
    with pytest.raises(KeyboardInterrupt):
        Probe(Interrupted(), [(0, 0)], [(1, 1)]).measure(network, PAPER)
    assert all(m.training for m in network.modules())


def test_the_same_network_gives_the_same_figures_whatever_it_ran_before():
    network = small_network()
    first = small_probe().measure(network, PAPER)
    for _ in range(3):  # moves the running statistics, not the weights
        network.train()(torch.rand(6, 1, 8, 8, 8) * 9)
    assert small_probe().measure(network, PAPER).logits == pytest.approx(first.logits, abs=1e-6)


def test_the_embedding_of_a_crop_does_not_depend_on_its_company():
    network, dataset = small_network(), PlaceCrops(crops=3)
    population = [(5, 5), (6, 6)]
    alone = Probe(dataset, [(0, 0)], population).measure(network, PAPER)
    among = Probe(dataset, [(3, 9), (0, 0), (4, 7)], population).measure(network, PAPER)
    np.testing.assert_allclose(among.logits[1], alone.logits[0], atol=1e-4)


def test_crops_encoded_in_parts_give_the_same_figures():
    network, dataset = small_network(), PlaceCrops(crops=3)
    results = [
        Probe(dataset, [(0, 0)], [(1, 1)], at_once=at_once).measure(network, PAPER)
        for at_once in (1, 16)
    ]
    np.testing.assert_allclose(results[0].logits, results[1].logits, atol=1e-4)


def test_the_figures_are_those_of_the_finished_network():
    """Against a network whose own running statistics are those of the population."""
    network, probe = small_network(), small_probe(crops=5)
    result = probe.measure(network, PAPER)

    with torch.no_grad():
        bases = torch.cat([probe.dataset[draw]["bases"] for draw in probe.population])
        features = network.features(bases)
        projector = network.projector
        hidden = projector.linear1(features)
        projector.norm1.running_mean, projector.norm1.running_var = (
            hidden.mean(0),
            hidden.var(0, correction=0),
        )
        hidden = projector.linear2(F.relu(F.batch_norm(hidden, None, None, training=True)))
        projector.norm2.running_mean, projector.norm2.running_var = (
            hidden.mean(0),
            hidden.var(0, correction=0),
        )
        network.eval()
        reference = F.normalize(network(bases).reshape(-1, GRID.n, 32), dim=-1).mean(0)
        samples = [probe.dataset[draw] for draw in probe.draws]
        crops = torch.stack([network(s["crops"]) for s in samples])
        own = torch.stack([network(s["bases"]) for s in samples])
    overlaps = torch.stack([s["overlaps"] for s in samples])

    loss = objective(PAPER, Embeddings(crops, own), None, overlaps)
    np.testing.assert_allclose(result.logits, loss.logits, atol=1e-4)
    np.testing.assert_array_equal(result.overlaps, overlaps)
    assert result.prediction == pytest.approx(loss.prediction.item(), abs=1e-4)
    assert result.regularisation == pytest.approx(loss.regularisation.item(), abs=1e-4)

    right = wrong = against = 0
    for v in range(2):
        for k in range(5):
            y = overlaps[v, k]
            l_own = [F.cosine_similarity(crops[v, k], q, dim=0).clamp(min=0) for q in own[v]]
            l_ref = [F.cosine_similarity(crops[v, k], q, dim=0).clamp(min=0) for q in reference]
            right += bool(y[int(np.argmax(l_own))] == y.max()) / 10
            against += bool(y[int(np.argmax(l_ref))] == y.max()) / 10
            wrong += np.abs(np.array(l_ref) - y.numpy()).mean() / 10
    assert result.top1 == pytest.approx(right)
    assert result.reference_top1 == pytest.approx(against)
    assert result.reference_overlap_error == pytest.approx(wrong, abs=1e-4)
    assert result.channels == 32
    assert result.similarity.shape == (GRID.n, GRID.n)
    np.testing.assert_allclose(np.diag(result.similarity), 1, atol=1e-5)


@pytest.mark.parametrize("counts", [(4, 4, 1), (3, 2, 2), (1, 1, 1)])
def test_where_a_crop_begins_is_read_from_its_overlaps(counts):
    grid = BaseGrid(counts, (7, 6, 5))
    starts = random_starts(grid, 40, np.random.default_rng(1))
    overlaps = overlap_shares(grid.boxes_at(starts), grid.boxes()).astype(np.float32)
    for start, shares in zip(starts, overlaps, strict=True):
        np.testing.assert_array_equal(crop_start(shares, grid), start)


def test_bases_are_put_together_to_their_volume():
    grid = BaseGrid((3, 2, 2), (4, 3, 2))
    volume = np.arange(np.prod(grid.size), dtype=np.float32).reshape(grid.size)
    bases = np.stack(
        [
            volume[tuple(slice(int(a), int(b)) for a, b in zip(*box, strict=True))]
            for box in grid.boxes().astype(int)
        ]
    )
    np.testing.assert_array_equal(assemble(bases, grid), volume)


def test_examples_show_the_slice_and_the_crop_and_survive_a_file(tmp_path):
    grid = BaseGrid((2, 2, 2), (8, 8, 8))
    dataset = PlaceCrops(grid, crops=2)
    draws = [(0, 0), (1, 1), (2, 2)]
    examples = make_examples((dataset[draw] for draw in draws), grid)
    for row, draw in enumerate(draws):
        sample, number = dataset[draw], examples.numbers[row]
        np.testing.assert_array_equal(examples.overlaps[row], sample["overlaps"][number])
        x, y, z = examples.starts[row]
        inside = examples.slices[row, x : x + 8, y : y + 8]
        np.testing.assert_array_equal(inside, examples.crops[row])
        middle = sample["crops"][number, 0, :, :, 4].numpy()
        np.testing.assert_allclose(examples.crops[row], middle * 255, atol=0.51)
        whole = place_volume(draw[1], grid)[:, :, z + 4]
        np.testing.assert_allclose(examples.slices[row], whole * 255, atol=0.51)
    write_examples(tmp_path / "examples.npz", examples)
    again = read_examples(tmp_path / "examples.npz")
    assert again.grid == grid
    for name in ("numbers", "slices", "crops", "starts", "overlaps"):
        np.testing.assert_array_equal(getattr(again, name), getattr(examples, name))


@pytest.mark.parametrize(("air", "shown"), [((0, 1), 2), ((), 0), ((0, 1, 2), 0)])
def test_examples_pass_over_crops_of_air_where_there_are_others(air, shown):
    sample = PlaceCrops(crops=3)[(0, 0)]
    for number in air:
        sample["crops"][number] = 0
    assert make_examples([sample], GRID).numbers.tolist() == [shown]
