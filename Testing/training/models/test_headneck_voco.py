"""The bundled position model, on CTs that it was not trained on."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from voco3d.data import read_image
from voco3d.data.volume import to_volume
from voco3d.geometry import overlap_shares, random_starts
from voco3d.losses import position_logits
from voco3d.models import find_model
from voco3d.models.catalogue import bundled_folder
from voco3d.pretraining.monitoring.diagnostics import top1

CASES = ("kbp_201", "kbp_209", "kbp_219", "kbp_231")
CROPS = 24


@pytest.fixture(scope="module")
def model():
    return find_model("headneck-voco")


@pytest.fixture(scope="module")
def volumes(shared_data, model):
    """The validation CTs as the model sees them, scaled to 0..1."""
    folder = shared_data / "openkbp" / "images"
    images = [read_image(folder / f"{case}.nii.gz") for case in CASES]
    return [prepare(image, model) for image in images]


def prepare(image, model):
    volume = to_volume([image], model.positions.volume)
    return torch.from_numpy(volume.array.astype(np.float32) / 255)


def cut(volume, starts, size):
    x, y, z = size
    return torch.stack([volume[:, a : a + x, b : b + y, c : c + z] for a, b, c in starts])


@torch.no_grad()
def predictions(model, volumes, mirror=False):
    """Predicted overlaps with own and with reference bases, and true ones: (crop, base) each."""
    network, reference = model.load_positions()
    grid = model.positions.grid
    own, located, truth = [], [], []
    for number, volume in enumerate(volumes):
        starts = random_starts(grid, CROPS, np.random.default_rng(number))
        crops = cut(volume, starts, grid.crop)
        embedded = network(crops.flip(2) if mirror else crops)[None]
        bases = network(cut(volume, grid.starts(), grid.crop))[None]
        own.append(position_logits(embedded, bases)[0])
        located.append(position_logits(embedded, reference[None])[0])
        truth.append(overlap_shares(grid.boxes_at(starts), grid.boxes()))
    return torch.cat(own), torch.cat(located), torch.from_numpy(np.concatenate(truth))


def share_on_the_right(overlaps, grid):
    """Of each crop: x runs to the patient's right."""
    x = overlaps.reshape(-1, *grid.counts)
    return x[:, grid.counts[0] // 2 :].sum(dim=(1, 2, 3)) / overlaps.sum(dim=1)


def test_it_locates_crops(model, volumes):
    own, located, truth = predictions(model, volumes)
    assert top1(own, truth) > 0.65
    assert top1(located, truth) > 0.5


def test_it_knows_right_from_left_and_follows_a_mirror(model, volumes):
    grid = model.positions.grid
    found = {}
    for mirror in (False, True):
        _, located, truth = predictions(model, volumes, mirror)
        right = share_on_the_right(truth, grid)
        clear = (right - 0.5).abs() > 0.35
        found[mirror] = (share_on_the_right(located, grid) > 0.5)[clear] == (right > 0.5)[clear]
        assert clear.sum() > 20
    assert found[False].float().mean() > 0.9
    assert found[True].float().mean() < 0.1


def test_a_ct_turned_to_other_axes_gives_the_same(model, shared_data, volumes):
    image = read_image(shared_data / "openkbp" / "images" / f"{CASES[0]}.nii.gz")
    turned = sitk.DICOMOrient(image, "SAR")
    assert (prepare(turned, model) - volumes[0]).abs().max() <= 1 / 255


def test_it_states_its_region_of_the_body(model):
    assert model.body_region == "head and neck"


def test_the_card_holds_what_was_measured_and_what_was_seen():
    folder = bundled_folder() / "headneck-voco"
    card = json.loads((folder / "configs" / "metadata.json").read_text())["voco"]["card"]
    (figures,) = card["results"].values()
    assert figures["top-1, own bases"] >= 0.7
    assert figures["top-1, reference bases"] >= 0.5
    assert len(card["training"]["images"]) == 170
    assert sum(file.stat().st_size for file in folder.rglob("*")) < 10e6
