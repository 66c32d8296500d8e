"""The bundled model, run as users run it: phantoms, real CTs, another orientation."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from voco3d import Segmenter
from voco3d.data import read_image
from voco3d.metrics import dice
from voco3d.models import find_model
from voco3d.models.catalogue import bundled_folder
from voco3d.phantom import make_phantom

NAMES = ("brainstem", "spinal cord", "right parotid gland", "left parotid gland", "mandible")
RIGHT, LEFT = 3, 4
UNSEEN_SEEDS = (9001, 9002)
CASE = "kbp_201.nii.gz"


@pytest.fixture(scope="module")
def segmenter():
    return Segmenter("headneck-oar", "cpu")


@pytest.fixture(scope="module")
def real_case(shared_data, segmenter):
    """A validation CT with its contours and its segmentation."""
    folder = shared_data / "openkbp"
    image = read_image(folder / "images" / CASE)
    return image, sitk.ReadImage(str(folder / "labels" / CASE)), segmenter(image)


def scores(predicted, reference):
    a, b = sitk.GetArrayFromImage(predicted), sitk.GetArrayFromImage(reference)
    return [dice(a, b, label) for label in range(1, 6)]


def mean_left_coordinate(labels, label):
    """Where a structure lies along the patient's left, in mm."""
    indices = np.argwhere(sitk.GetArrayFromImage(labels) == label)[:, ::-1]
    return labels.TransformContinuousIndexToPhysicalPoint(indices.mean(axis=0).tolist())[0]


def test_it_is_small_and_says_what_it_is():
    folder = bundled_folder() / "headneck-oar"
    assert sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) <= 10_000_000
    model = find_model("headneck-oar")
    assert tuple(s.name for s in model.structures) == NAMES
    card = model.card
    before, *after = card.training["runs"]
    assert before["pre-training"]["recipe"] == "paper"
    networks = [run["fine-tuning"]["network"]["args"] for run in after]
    assert networks
    assert all(network == before["pre-training"]["network"]["args"] for network in networks)
    assert len(card.training["images"]) == len(set(card.training["images"])) >= 170 + 16
    assert card.training["environment"]["torch"]
    for results in card.results.values():
        assert {f"Dice {name}" for name in NAMES} <= results.keys()
    assert "OpenKBP" in card.data
    assert "fails" in card.description


def test_sides_have_their_codes():
    values = json.loads((bundled_folder() / "headneck-oar/configs/metadata.json").read_text())
    sides = {c["name"]: c.get("modifier", [None] * 3)[2] for c in values["voco"]["classes"]}
    assert sides["right parotid gland"] == "Right"
    assert sides["left parotid gland"] == "Left"
    assert sides["mandible"] is None


@pytest.mark.parametrize("seed", UNSEEN_SEEDS)
def test_a_fresh_phantom(seed, segmenter):
    phantom = make_phantom("headneck", seed)
    labels = segmenter(phantom.image)
    assert np.mean(scores(labels, phantom.labels)) >= 0.80
    assert mean_left_coordinate(labels, RIGHT) < mean_left_coordinate(labels, LEFT) - 60


def test_a_real_ct(real_case):
    _, reference, labels = real_case
    values = scores(labels, reference)
    assert np.mean(values) >= 0.76
    assert min(values) >= 0.6


def test_left_and_right_of_a_real_ct(real_case):
    _, reference, labels = real_case
    predicted, truth = map(sitk.GetArrayFromImage, (labels, reference))
    assert not ((predicted == RIGHT) & (truth == LEFT)).any()
    assert not ((predicted == LEFT) & (truth == RIGHT)).any()
    assert mean_left_coordinate(labels, RIGHT) < mean_left_coordinate(labels, LEFT) - 60


def test_a_real_ct_turned(real_case, segmenter):
    image, _, labels = real_case
    turned = segmenter(sitk.DICOMOrient(image, "SAR"))
    assert min(scores(turned, sitk.DICOMOrient(labels, "SAR"))) >= 0.99


CROPS = {
    "upper": (slice(None), slice(None), slice(60, None)),
    "lower": (slice(None), slice(None), slice(None, 75)),
    "right half": (slice(None, 48), slice(None), slice(None)),
}
"""Parts of the real case along its axes, which point left, front to back and up."""


@pytest.mark.parametrize("part", CROPS)
def test_a_real_ct_cropped_to_part_of_the_neck(part, real_case, segmenter):
    image, reference, _ = real_case
    image, reference = (sitk.DICOMOrient(each, "LPS")[CROPS[part]] for each in (image, reference))
    labels = segmenter(image)
    there = np.unique(sitk.GetArrayFromImage(reference), return_counts=True)
    whole = [label for label, count in zip(*there, strict=True) if label and count > 200]
    values = scores(labels, reference)
    assert len(whole) >= 2
    assert np.mean([values[label - 1] for label in whole]) >= 0.7


@pytest.mark.parametrize("name", ["totalseg_example.nii.gz", "tcia_r01_001.nii.gz"])
def test_a_trunk_stays_nearly_empty(name, shared_data, segmenter):
    labels = segmenter(read_image(shared_data / "trunk" / name))
    assert (sitk.GetArrayFromImage(labels) > 0).mean() < 0.005
