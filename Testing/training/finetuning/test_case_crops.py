import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from torch.utils.data import DataLoader

from Testing.training.finetuning.tiny_cases import write_cases
from voco3d.data import Preprocessing
from voco3d.data.preprocessing import array_to_image, image_to_array, to_network
from voco3d.errors import VoCoError
from voco3d.finetuning.case_crops import CaseCrops
from voco3d.finetuning.config import Augmentation, Crops, FinetuneConfig, Network
from voco3d.finetuning.data_list import read_data_list
from voco3d.finetuning.prepared import prepare
from voco3d.phantom import Phantom
from voco3d.training.draws import Draw

STILL = Augmentation(flip=(0, 0, 0), quarter_turns=0, intensity_probability=0)
MIRRORED = replace(STILL, flip=(1, 0, 0))
WILD = Augmentation(rotation=15, scale=0.2, elastic=1.5, noise=0.1, noise_probability=0.5)
CONFIG = FinetuneConfig(
    network=Network("unet"),
    preprocessing=Preprocessing((2.0, 2.0, 2.5), (-200.0, 300.0)),
    crops=Crops((8, 8, 8), per_case=2),
    augmentation=STILL,
)


def crops_of(path: Path, config: FinetuneConfig = CONFIG, **changes: object) -> CaseCrops:
    config = replace(config, **changes)
    data = read_data_list(path)
    prepared = prepare(data, config.preprocessing, path.parent / "store")
    return CaseCrops(prepared["training"], data, config)


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> Path:
    return write_cases(tmp_path_factory.mktemp("cases"), training=2, validation=0)


@pytest.fixture(scope="module")
def head(tmp_path_factory, phantom: Phantom) -> Path:
    """A head and neck as the one training case."""
    folder = tmp_path_factory.mktemp("head")
    sitk.WriteImage(phantom.image, str(folder / "image.nii"))
    sitk.WriteImage(phantom.labels, str(folder / "label.nii"))
    labels = {name: value for value, name in enumerate(phantom.names, start=1)}
    case = {"image": "image.nii", "label": "label.nii"}
    path = folder / "dataset.json"
    path.write_text(json.dumps({"labels": labels, "training": [case]}))
    return path


def whole(path: Path, **changes: object) -> tuple[np.ndarray, np.ndarray]:
    """Image and target of a crop that holds the whole case, voxel by voxel."""
    image = sitk.DICOMOrient(sitk.ReadImage(str(path.parent / "image.nii")), "RAS")
    spacing = image.GetSpacing()
    config = replace(
        CONFIG,
        preprocessing=Preprocessing(spacing, (-200.0, 300.0)),
        crops=Crops(image.GetSize(), per_case=1),
    )
    sample = crops_of(path, config, **changes)[Draw(0, 0)]
    return sample["image"][0].numpy(), sample["target"][0].numpy()


def test_a_sample_has_the_shapes_promised(cases):
    sample = crops_of(cases, augmentation=WILD)[Draw(3, 1)]
    assert sample["image"].shape == (2, 1, 8, 8, 8)
    assert sample["target"].shape == (2, 4, 8, 8, 8)
    assert sample["known"].shape == (2, 3)
    assert sample["known"].dtype == torch.bool
    assert sample["known"].all()
    assert sample["case"] == 1
    assert sample["image"].dtype == sample["target"].dtype == torch.float32
    assert sample["target"].sum(dim=1).numpy() == pytest.approx(1, abs=1e-5)
    assert sample["target"].min() > -1e-5


def test_a_draw_gives_the_same_crop_in_any_order_and_process(cases):
    crops = crops_of(cases, augmentation=WILD)
    draws = [Draw(n, n % 2) for n in range(6)]
    first = [crops[draw] for draw in draws]
    again = [crops[draw] for draw in reversed(draws)][::-1]
    loader = DataLoader(crops, batch_sampler=[[draw] for draw in draws], num_workers=2)
    for one, other, far in zip(first, again, loader, strict=True):
        for key in ("image", "target", "known"):
            assert torch.equal(one[key], other[key])
            assert torch.equal(one[key], far[key][0])
    assert not torch.equal(first[0]["image"], first[2]["image"])
    assert not torch.equal(first[0]["image"][0], first[0]["image"][1])
    other_seed = crops_of(cases, augmentation=WILD, seed=1)[draws[0]]
    assert not torch.equal(first[0]["image"], other_seed["image"])


def test_a_whole_case_is_what_an_inference_sees(head, phantom):
    image, target = whole(head)
    config = Preprocessing(phantom.image.GetSpacing(), (-200.0, 300.0), crop_foreground=False)
    assert image == pytest.approx(to_network(phantom.image, config).array, abs=2e-3)
    labels = image_to_array(sitk.DICOMOrient(phantom.labels, "RAS"))
    assert np.array_equal(target.argmax(axis=0), labels)


def test_a_mirror_image_has_the_right_parotid_on_the_right(head, phantom):
    """All is mirrored, and the labels of the glands change places: no other does."""
    image, target = whole(head)
    mirrored, its_target = whole(head, augmentation=MIRRORED)
    assert mirrored == pytest.approx(image[:, ::-1], abs=1e-5)
    order = [0, *(1 + phantom.names.index(name) for name in phantom.names)]
    right, left = (1 + phantom.names.index(f"{s} parotid gland") for s in ("right", "left"))
    order[right], order[left] = left, right
    assert its_target == pytest.approx(target[order][:, ::-1], abs=1e-5)
    centres = [np.argwhere(t > 0.5)[:, 0].mean() for t in its_target[[right, left]]]
    assert centres[0] > centres[1] + 10  # x grows towards the patient's right in RAS
    assert target[right].sum() != pytest.approx(target[left].sum(), rel=1e-3)


def test_a_half_turn_is_no_mirror_image(head):
    """Two flips: left and right stay the patient's."""
    image, target = whole(head)
    turned, its_target = whole(head, augmentation=replace(STILL, flip=(1, 1, 0)))
    assert turned == pytest.approx(image[:, ::-1, ::-1], abs=1e-5)
    assert its_target == pytest.approx(target[:, ::-1, ::-1], abs=1e-5)


def test_pairs_may_be_turned_off_and_must_exist(head):
    _, target = whole(head)
    _, its_target = whole(head, augmentation=replace(MIRRORED, pairs=[]))
    assert its_target == pytest.approx(target[:, ::-1], abs=1e-5)
    with pytest.raises(VoCoError, match="names larynx"):
        whole(head, augmentation=replace(MIRRORED, pairs=[("larynx", "mandible")]))


def partial(cases: Path, folder: Path, classes: list[str]) -> Path:
    """The cases, with contours for some structures only."""
    content = json.loads(cases.read_text())
    for entry in content["training"]:
        entry.update({key: str(cases.parent / entry[key]) for key in ("image", "label")})
    content["training"][0]["classes"] = classes
    path = folder / "dataset.json"
    path.write_text(json.dumps(content))
    return path


def test_what_is_known_is_mirrored_with_the_case(cases, tmp_path):
    path = partial(cases, tmp_path, ["right gland", "cord"])
    expected = torch.tensor([[True, False, True]] * 2)
    assert torch.equal(crops_of(path)[Draw(0, 0)]["known"], expected)
    mirrored = crops_of(path, augmentation=MIRRORED)
    assert torch.equal(mirrored[Draw(0, 0)]["known"], expected[:, [1, 0, 2]])
    assert mirrored[Draw(1, 1)]["known"].all()


def test_crops_are_laid_on_structures_that_are_known_only(cases, tmp_path):
    crops = crops_of(
        partial(cases, tmp_path, ["cord"]), crops=Crops((4, 4, 4), per_case=20, foreground=1)
    )
    there = (crops[Draw(0, 0)]["target"] > 0).any(dim=(2, 3, 4))[:, 1:]
    assert there[:, 2].all()
    assert there[:, :2].float().mean() < 0.3


@pytest.mark.parametrize(
    "augmentation",
    [STILL, replace(STILL, flip=(0.5, 0.5, 0.5), quarter_turns=1.0), WILD],
    ids=["still", "turned", "wild"],
)
def test_crops_hold_a_voxel_of_a_structure_as_often_as_asked_and_each_alike(cases, augmentation):
    size = (8, 2, 4)
    shares = {}
    for foreground in (0.0, 1.0):
        crops = crops_of(
            cases, crops=Crops(size, per_case=60, foreground=foreground), augmentation=augmentation
        )
        there = (crops[Draw(0, 0)]["target"] > 0).any(dim=(2, 3, 4))[:, 1:]
        shares[foreground] = float(there.any(dim=1).float().mean())
    assert shares[1.0] >= (0.9 if augmentation is WILD else 1.0)
    assert there.float().mean(dim=0).min() > 0.2
    assert shares[0.0] < 0.8


@pytest.mark.parametrize("turns", [0.0, 1.0])
def test_crops_lie_inside_the_image(cases, turns):
    """Nowhere do they show air that is not there: the image is never 0."""
    crops = crops_of(
        cases,
        preprocessing=Preprocessing((2.0, 2.0, 2.5), (-3000.0, 1000.0)),
        crops=Crops((19, 8, 14), per_case=40, foreground=0.5),
        augmentation=replace(STILL, quarter_turns=turns),
    )
    assert crops[Draw(0, 0)]["image"].min() > 0.1


def test_a_case_smaller_than_the_crop_lies_in_its_middle(cases):
    crops = crops_of(cases, crops=Crops((32, 28, 24), per_case=3))
    sample = crops[Draw(0, 0)]
    plain = crops_of(cases, crops=Crops((24, 20, 16), per_case=1))[Draw(0, 0)]
    for image, target in zip(sample["image"], sample["target"], strict=True):
        inside = (slice(None), slice(4, 28), slice(4, 24), slice(4, 20))
        assert image[inside].numpy() == pytest.approx(plain["image"][0].numpy(), abs=1e-4)
        assert target[inside].numpy() == pytest.approx(plain["target"][0].numpy(), abs=1e-4)
        assert image.sum().item() == pytest.approx(image[inside].sum().item(), rel=1e-5)
        assert target[0].sum() - target[0][inside[1:]].sum() == 32 * 28 * 24 - 24 * 20 * 16


def test_regions_are_unions_and_have_no_background(tmp_path):
    labels = {"background": 0, "whole": [1, 2, 4], "core": [1, 4], "enhancing": [4]}
    path = write_cases(tmp_path, training=1, validation=0, labels=labels)
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "regions_class_order": [2, 1, 4]}))
    target = crops_of(path, crops=Crops((24, 20, 16), per_case=1))[Draw(0, 0)]["target"][0]
    label = sitk.ReadImage(str(tmp_path / "case0_label.nii.gz"))
    array = image_to_array(sitk.DICOMOrient(label, "RAS"))
    expected = np.stack([np.isin(array, values) for values in ([1, 2, 4], [1, 4], [4])])
    assert target.numpy() == pytest.approx(expected.astype(np.float32), abs=1e-4)


def test_values_that_are_not_1_to_n_become_the_outputs_in_order(tmp_path):
    labels = {"850": "c", "205": "a", "500": "b"}
    path = write_cases(tmp_path, training=1, validation=0, labels=labels)
    crops = crops_of(path, crops=Crops((24, 20, 16), per_case=1))
    label = sitk.ReadImage(str(tmp_path / "case0_label.nii.gz"))
    array = image_to_array(sitk.DICOMOrient(label, "RAS"))
    expected = np.stack([array == value for value in (0, 205, 500, 850)])
    target = crops[Draw(0, 0)]["target"][0].numpy()
    assert target == pytest.approx(expected.astype(np.float32), abs=1e-4)


def test_a_case_without_a_voxel_of_a_structure_gives_crops_anywhere(tmp_path):
    path = write_cases(tmp_path, training=2, validation=0)
    label = sitk.ReadImage(str(tmp_path / "case0_label.nii.gz"))
    empty = array_to_image(np.zeros(label.GetSize(), np.uint8), label)
    sitk.WriteImage(empty, str(tmp_path / "case0_label.nii.gz"))
    target = crops_of(path)[Draw(0, 0)]["target"]
    assert (target[:, 0] == 1).all()
