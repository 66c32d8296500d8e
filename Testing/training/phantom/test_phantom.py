"""The phantoms: one patient per seed, every organ in its place, and a plausible CT."""

import time
from functools import cache

import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray

from voco3d.errors import VoCoError
from voco3d.phantom import Phantom, make_phantom

SEEDS = range(20)
COARSE = {"headneck": (5.0, 5.0, 5.0), "trunk": (7.0, 7.0, 8.0)}
SIZE = {"headneck": (77, 77, 77), "trunk": (64, 64, 64)}
LABELS = {
    "headneck": (
        "brainstem",
        "spinal cord",
        "right parotid gland",
        "left parotid gland",
        "mandible",
    ),
    "trunk": (
        "right lung",
        "left lung",
        "heart",
        "liver",
        "spleen",
        "right kidney",
        "left kidney",
        "stomach",
        "aorta",
        "inferior vena cava",
        "pancreas",
        "urinary bladder",
        "vertebrae",
        "colon",
    ),
}
MILLILITRES = {
    "brainstem": (10, 55),
    "spinal cord": (7, 45),
    "right parotid gland": (6, 45),
    "left parotid gland": (6, 45),
    "mandible": (30, 105),
    "right lung": (700, 2500),
    "left lung": (600, 2300),
    "heart": (300, 800),
    "liver": (800, 2000),
    "spleen": (60, 350),
    "right kidney": (75, 280),
    "left kidney": (75, 280),
    "stomach": (120, 650),
    "aorta": (100, 320),
    "inferior vena cava": (45, 150),
    "pancreas": (20, 110),
    "urinary bladder": (60, 450),
    "vertebrae": (250, 700),
    "colon": (350, 1500),
}
HOUNSFIELD = {
    "brainstem": (10, 60),
    "spinal cord": (10, 70),
    "right parotid gland": (-60, 80),
    "left parotid gland": (-60, 80),
    "mandible": (500, 1400),
    "right lung": (-900, -650),
    "left lung": (-900, -650),
    "heart": (20, 250),
    "liver": (35, 140),
    "spleen": (30, 150),
    "right kidney": (10, 220),
    "left kidney": (10, 220),
    "stomach": (-600, 300),
    "aorta": (20, 380),
    "inferior vena cava": (20, 180),
    "pancreas": (10, 130),
    "urinary bladder": (-5, 40),
    "vertebrae": (150, 600),
    "colon": (-500, 60),
}
REGIONS = pytest.mark.parametrize("region", ["headneck", "trunk"])


@cache
def coarse(region: str, seed: int) -> Phantom:
    return make_phantom(region, seed, SIZE[region], COARSE[region])


def array(image: SimpleITK.Image) -> NDArray[np.generic]:
    return SimpleITK.GetArrayFromImage(image)


def center(phantom: Phantom, name: str) -> NDArray[np.float64]:
    """The centroid of a structure in LPS millimetres, through SimpleITK's own geometry."""
    shape = SimpleITK.LabelShapeStatisticsImageFilter()
    shape.Execute(phantom.labels)
    return np.array(shape.GetCentroid(phantom.names.index(name) + 1))


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return 2.0 * float((one & other).sum()) / float(one.sum() + other.sum())


@REGIONS
def test_a_phantom_is_an_lps_ct_with_labels_on_the_same_grid(region: str) -> None:
    phantom = coarse(region, 0)
    assert phantom.names == LABELS[region]
    assert phantom.image.GetPixelID() == SimpleITK.sitkInt16
    assert phantom.labels.GetPixelID() == SimpleITK.sitkUInt8
    for image in (phantom.image, phantom.labels):
        assert image.GetSize() == SIZE[region]
        assert image.GetSpacing() == COARSE[region]
        assert image.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    assert phantom.image.GetOrigin() == phantom.labels.GetOrigin()
    assert array(phantom.image).min() == -1000
    assert set(np.unique(array(phantom.labels))) == set(range(len(phantom.names) + 1))


@REGIONS
def test_a_seed_gives_one_patient_and_another_seed_another(region: str) -> None:
    again = make_phantom(region, 0, SIZE[region], COARSE[region])
    np.testing.assert_array_equal(array(again.image), array(coarse(region, 0).image))
    np.testing.assert_array_equal(array(again.labels), array(coarse(region, 0).labels))
    assert again.image.GetOrigin() == coarse(region, 0).image.GetOrigin()
    assert dice(array(coarse(region, 1).labels) > 0, array(coarse(region, 0).labels) > 0) < 0.9


@REGIONS
@pytest.mark.parametrize("seed", SEEDS)
def test_every_structure_has_a_plausible_size_and_density(region: str, seed: int) -> None:
    phantom = coarse(region, seed)
    hu, labels = array(phantom.image), array(phantom.labels)
    voxel = float(np.prod(phantom.labels.GetSpacing())) / 1000
    for value, name in enumerate(phantom.names, start=1):
        there = labels == value
        smallest, largest = MILLILITRES[name]
        assert smallest < there.sum() * voxel < largest, name
        lowest, highest = HOUNSFIELD[name]
        assert lowest < hu[there].mean() < highest, name


@pytest.mark.parametrize("seed", SEEDS)
def test_head_and_neck_structures_lie_where_they_do_in_a_patient(seed: int) -> None:
    left, back, up = range(3)
    phantom = coarse("headneck", seed)
    brainstem = center(phantom, "brainstem")
    right_parotid, left_parotid, mandible, cord = (
        center(phantom, name) - brainstem
        for name in ("right parotid gland", "left parotid gland", "mandible", "spinal cord")
    )
    assert -85 < right_parotid[left] < -35
    assert 35 < left_parotid[left] < 85
    for parotid in (right_parotid, left_parotid):
        assert mandible[back] < parotid[back] < 15
        assert -75 < parotid[up] < -5
    assert abs(mandible[left]) < 25
    assert -100 < mandible[back] < -25
    assert -90 < mandible[up] < -25
    assert cord[back] > mandible[back] + 30
    assert -150 < cord[up] < -70


@pytest.mark.parametrize("seed", SEEDS)
def test_trunk_organs_lie_where_they_do_in_a_patient(seed: int) -> None:
    left, back, up = range(3)
    phantom = coarse("trunk", seed)
    at = {name: center(phantom, name) for name in phantom.names}
    spine = at["vertebrae"]
    for organ in ("right lung", "right kidney", "liver"):
        assert at[organ][left] < spine[left] - 30, organ
    for organ in ("left lung", "left kidney", "spleen", "stomach"):
        assert at[organ][left] > spine[left] + 20, organ
    assert spine[left] < at["heart"][left] < spine[left] + 45
    assert at["aorta"][left] > at["inferior vena cava"][left] + 10
    for vessel in ("aorta", "inferior vena cava"):
        assert at[vessel][back] < spine[back] - 20, vessel
    assert at["urinary bladder"][up] < at["pancreas"][up] < at["heart"][up]
    assert at["right kidney"][up] < at["liver"][up] < at["right lung"][up]
    assert at["spleen"][back] > at["stomach"][back]


@REGIONS
def test_two_spacings_show_the_same_patient(region: str) -> None:
    """A third of the spacing and three times the voxels: each coarse centre is a fine centre."""
    step = tuple(1.5 * mm for mm in COARSE[region])
    rough = make_phantom(region, 3, (40, 40, 40), step)
    fine = make_phantom(region, 3, (120, 120, 120), tuple(mm / 3 for mm in step))
    resampled = SimpleITK.Resample(
        fine.labels, rough.labels, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor
    )
    for value, name in enumerate(rough.names, start=1):
        score = dice(array(resampled) == value, array(rough.labels) == value)
        assert score > 0.98, name
    at_centers = SimpleITK.Resample(fine.image, rough.image, SimpleITK.Transform())
    both = np.stack([array(at_centers).ravel(), array(rough.image).ravel()])
    assert np.corrcoef(both)[0, 1] > 0.97


@REGIONS
def test_a_larger_volume_holds_the_smaller_one(region: str) -> None:
    whole = coarse(region, 4)
    smaller = tuple(n - 20 for n in SIZE[region])
    part = make_phantom(region, 4, smaller, COARSE[region])
    cut = SimpleITK.RegionOfInterest(whole.labels, smaller, (10, 10, 10))
    np.testing.assert_allclose(cut.GetOrigin(), part.labels.GetOrigin(), atol=1e-3)
    assert (array(cut) == array(part.labels)).mean() > 0.9999


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_edges_of_a_label_are_edges_of_the_image(seed: int) -> None:
    """The mandible stands out from a rim of 3 mm around it, so its label is not displaced."""
    phantom = make_phantom("headneck", seed, (96, 96, 96), 3.0)
    hu = array(phantom.image)
    mandible = phantom.labels == phantom.names.index("mandible") + 1
    rim = array(SimpleITK.BinaryDilate(mandible, (2, 2, 2)) - mandible).astype(bool)
    assert np.median(hu[array(mandible).astype(bool)]) > np.median(hu[rim]) + 500


@REGIONS
def test_the_default_grid_holds_the_whole_patient_and_is_made_in_time(region: str) -> None:
    began = time.process_time()
    phantom = make_phantom(region, 0)
    assert time.process_time() - began < 4
    assert phantom.image.GetSize() == (128, 128, 128)
    labels = array(phantom.labels)
    sides = np.concatenate([labels[:, (0, -1)].ravel(), labels[:, :, (0, -1)].ravel()])
    assert not sides.any()
    assert (array(phantom.image)[:, 0] < -600).mean() > 0.95


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"region": "knee"}, "knee.*headneck, trunk"),
        ({"spacing": 0.0}, "spacing"),
        ({"spacing": -3.0}, "spacing"),
        ({"spacing": (3.0, 3.0, float("nan"))}, "spacing"),
        ({"spacing": (3.0, 3.0)}, "spacing"),
        ({"size": (16, 0, 16)}, "size"),
        ({"size": (16, 16)}, "size"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, object], message: str) -> None:
    good = {"region": "headneck", "seed": 0, "size": (16, 16, 16), "spacing": 8.0}
    with pytest.raises(VoCoError, match=message):
        make_phantom(**{**good, **arguments})


@pytest.mark.parametrize(("size", "spacing"), [((1, 1, 1), 3.0), ((5, 9, 2), 80.0)])
@REGIONS
def test_odd_grids_work(region: str, size: tuple[int, int, int], spacing: float) -> None:
    phantom = make_phantom(region, 0, size, spacing)
    assert phantom.image.GetSize() == size
    assert phantom.labels.GetSize() == size
