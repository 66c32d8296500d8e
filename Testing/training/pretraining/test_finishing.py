"""What a run leaves: statistics of the population, reference bases, a model folder."""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, default_collate

from voco3d.data.cache import Cache, CachedVolume
from voco3d.data.volume import VolumeSettings
from voco3d.geometry import BaseGrid
from voco3d.models import Card, read_model
from voco3d.networks import NetworkConfig, PositionNetwork, Projector, build_network
from voco3d.pretraining.finishing import population_statistics, reference_bases, write_pretrained

GRID = BaseGrid((2, 1, 1), (8, 8, 8))
VOLUMES, CROPS = 7, 3


def build():
    torch.manual_seed(0)
    backbone = build_network(NetworkConfig("unet", 1, 2, {"filters": [4, 8, 12]}))
    return PositionNetwork(backbone, Projector(backbone.feature_width, 6))


def samples():
    """Volumes that differ in brightness and texture, so that batches have unlike means."""
    torch.manual_seed(1)
    return [
        {
            "bases": torch.rand(GRID.n, 1, *GRID.crop) * (1 + index) + index,
            "crops": torch.rand(CROPS, 1, *GRID.crop) ** (1 + index),
            "overlaps": torch.zeros(CROPS, GRID.n),
            "volume": index,
        }
        for index in range(VOLUMES)
    ]


def batches(size):
    return DataLoader(samples(), batch_size=size, collate_fn=default_collate)


def everything():
    return torch.cat([torch.cat([sample["bases"], sample["crops"]]) for sample in samples()])


@torch.no_grad()
def plain_statistics(network, crops):
    """Mean and variance before each normalisation, over all crops, in double precision."""
    p = network.projector
    features = network.eval().features(crops).double()
    first = features @ p.linear1.weight.double().T + p.linear1.bias.double()
    means, variances = [first.mean(0)], [((first - first.mean(0)) ** 2).mean(0)]
    hidden = ((first - means[0]) / (variances[0] + p.norm1.eps).sqrt()).clamp(min=0)
    second = hidden @ p.linear2.weight.double().T + p.linear2.bias.double()
    means.append(second.mean(0))
    variances.append(((second - second.mean(0)) ** 2).mean(0))
    return means, variances


@pytest.mark.parametrize("size", [1, 2, VOLUMES])
def test_statistics_are_those_of_all_crops(size):
    network = build()
    means, variances = plain_statistics(network, everything())
    population_statistics(network, batches(size))
    for norm, mean, variance in zip(
        (network.projector.norm1, network.projector.norm2), means, variances, strict=True
    ):
        torch.testing.assert_close(norm.running_mean.double(), mean, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(norm.running_var.double(), variance, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_the_mean_of_batch_variances_would_be_another():
    """The variance between the batches counts too."""
    network = build()
    population_statistics(network, batches(1))
    exact = network.projector.norm1.running_var.clone()
    averaged = build()
    for norm in (averaged.projector.norm1, averaged.projector.norm2):
        norm.momentum = None
    averaged.train()
    for batch in batches(1):
        averaged(torch.cat([batch["bases"], batch["crops"]], dim=1).flatten(0, 1))
    assert (averaged.projector.norm1.running_var < 0.9 * exact).any()


@torch.no_grad()
def test_the_population_embeds_as_one_batch_in_training():
    network = build()
    together = network.train()(everything())
    population_statistics(network, batches(2))
    assert not network.training
    torch.testing.assert_close(network(everything()), together, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_a_crop_embeds_alone_as_in_company():
    network = build()
    population_statistics(network, batches(2))
    crops = everything()[:4]
    alone = torch.cat([network(crop[None]) for crop in crops])
    torch.testing.assert_close(alone, network(crops), atol=1e-5, rtol=1e-5)


def test_only_the_statistics_change():
    network = build()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    population_statistics(network, batches(2))
    changed = {k for k, v in network.state_dict().items() if not torch.equal(v, before[k])}
    assert changed == {
        f"projector.norm{i}.running_{what}" for i in (1, 2) for what in ("mean", "var")
    }
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.parametrize("size", [1, 3, VOLUMES])
@torch.no_grad()
def test_reference_bases_are_means_of_unit_vectors(size):
    network = build()
    population_statistics(network, batches(size))
    expected = torch.zeros(GRID.n, 6)
    for sample in samples():
        for cell, base in enumerate(sample["bases"]):
            embedding = network(base[None])[0]
            expected[cell] += embedding / embedding.norm() / VOLUMES
    bases = reference_bases(network, batches(size))
    torch.testing.assert_close(bases, expected, atol=1e-5, rtol=1e-4)
    assert (bases.norm(dim=1) <= 1).all()


@torch.no_grad()
def test_reference_bases_follow_the_grid():
    """Each cell of a volume whose content says where it lies is nearest to its own reference."""
    grid = BaseGrid((2, 2, 2), (8, 8, 8))
    torch.manual_seed(2)
    volume = torch.rand(1, *grid.size)
    x, y, z = (torch.linspace(0, 1, side) for side in grid.size)
    volume += 5 * x[:, None, None] + 10 * (y[:, None] > 0.5) + 20 * (z > 0.5)
    bases = torch.stack(
        [volume[:, i : i + 8, j : j + 8, k : k + 8] for i, j, k in grid.starts().tolist()]
    )
    network = build()
    batch = [{"bases": bases[None], "crops": bases[None, ::2]}]
    population_statistics(network, batch)
    found = reference_bases(network, batch)
    for x_, y_, z_ in [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0)]:
        crop = volume[:, 8 * x_ : 8 * x_ + 8, 8 * y_ : 8 * y_ + 8, 8 * z_ : 8 * z_ + 8]
        likeness = F.cosine_similarity(network(crop[None]), found)
        assert likeness.reshape(grid.counts)[x_, y_, z_] > 0.999
        assert likeness.argmax() == 4 * x_ + 2 * y_ + z_


def test_progress_is_told_and_can_stop():
    told = []
    population_statistics(build(), batches(2), lambda *state: told.append(state))
    assert [state[:2] for state in told] == [(i, 4) for i in (1, 2, 3, 4)]

    def stop(done, total, what):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reference_bases(build(), batches(2), stop)


def cached(name, part, spacing, digit):
    return CachedVolume(
        name=name,
        part=part,
        sources=(Path(f"{name}.nii.gz"),),
        sha256=(digit * 64,),
        stamps=((1, 2),),
        shape=(1, 16, 8, 8),
        spacing=spacing,
        origin=(0.0, 0.0, 0.0),
        direction=(1.0, 0, 0, 0, 1, 0, 0, 0, 1),
        file=f"volumes/{name}",
        bytes=1,
    )


CACHE = Cache(
    Path("cache"),
    VolumeSettings(intensity=(-200.0, 300.0), size=GRID.size),
    (
        cached("a", "training", (1.0, 2.0, 3.0), "c"),
        cached("b", "training", (2.0, 2.0, 9.0), "a"),
        cached("c", "training", (4.0, 1.0, 5.0), "b"),
        cached("d", "validation", (90.0, 90.0, 90.0), "d"),
    ),
)


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_finished_run_is_a_model(tmp_path, dtype):
    network = build()
    population_statistics(network, batches(2))
    bases = reference_bases(network, batches(2))
    card = Card("Encoder for position prediction", training={"steps": 3})
    folder = tmp_path / "model"
    written = write_pretrained(
        folder,
        network,
        bases,
        recipe="tpami",
        grid=GRID,
        cache=CACHE,
        card=card,
        name="headneck",
        dtype=dtype,
    )
    model = read_model(folder)
    assert model == written
    assert (model.name, model.segments) == ("headneck", False)
    assert model.positions.recipe == "tpami"
    assert model.positions.grid == GRID
    assert model.positions.volume == CACHE.settings
    assert model.preprocessing.spacing == (2, 2, 5)
    assert model.preprocessing.intensity == (-200, 300)
    assert model.card.training == {"steps": 3, "images": ["a" * 16, "b" * 16, "c" * 16]}
    loaded, reference = model.load_positions()
    tolerance = 1e-6 if dtype == torch.float32 else 1e-2
    torch.testing.assert_close(reference, bases, atol=tolerance, rtol=0)
    similar = F.cosine_similarity(loaded(everything()), network(everything()))
    assert similar.min() > 1 - tolerance
    assert "validation" not in json.dumps(model.card.training)
