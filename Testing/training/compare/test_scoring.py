"""What a run's model is judged by: every structure of every case, where it lies."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.training.compare.small_table import FINETUNE
from voco3d.compare.scoring import evaluate_cases
from voco3d.errors import VoCoError
from voco3d.finetuning.data_list import read_data_list
from voco3d.finetuning.structures import structures_of
from voco3d.models import Card, Model, Regions
from voco3d.networks import NetworkConfig

SPACING = (2.0, 3.0, 4.0)


def image_of(array: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(array.T)
    image.SetSpacing(SPACING)
    image.SetDirection((-1, 0, 0, 0, 0, 1, 0, 1, 0))
    return image


class Fixed(NamedTuple):
    """A segmenter that knows what it will say."""

    model: Model
    labels: np.ndarray

    def __call__(self, images: list[sitk.Image]) -> sitk.Image:
        assert all(image.GetSize() == self.labels.shape for image in images)
        result = image_of(self.labels)
        result.CopyInformation(images[0])
        return result


def fixed(labels: np.ndarray, names: tuple[str, ...], regions: Regions | None = None) -> Fixed:
    outputs = len(names) + (regions is None)
    model = Model(
        name="fixed",
        network=NetworkConfig("unet", 1, outputs),
        preprocessing=FINETUNE.preprocessing,
        window=(16, 16, 16),
        overlap=0.5,
        structures=structures_of(names),
        weights=Path("nowhere"),
        card=Card("Says what it was told"),
        regions=regions,
    )
    return Fixed(model, labels.astype(np.uint8))


def write_case(folder: Path, voxels: np.ndarray, channels: int = 1, **content) -> Path:
    images = [folder / f"case_{channel:04d}.nii.gz" for channel in range(channels)]
    for path in images:
        sitk.WriteImage(image_of(voxels.astype(np.int16)), str(path))
    sitk.WriteImage(image_of(voxels.astype(np.int16)), str(folder / "labels.nii.gz"))
    entry = {"image": [str(path) for path in images], "label": "labels.nii.gz"}
    entry |= content.pop("entry", {})
    training = {"image": [str(path) + ".no" for path in images], "label": "no"}
    path = folder / "dataset.json"
    path.write_text(json.dumps({**content, "training": [training], "test": [entry]}))
    return path


LABELS = np.zeros((7, 6, 5), int)
LABELS[1:3, 1:4, 1:4] = 1
LABELS[4:6, 2:5, 2:4] = 2


def scores_of(listing: Path, segmenter: Fixed) -> dict[str, float]:
    data = read_data_list(listing)
    evaluation = evaluate_cases(segmenter, data.cases["test"], data)
    return {score.structure: score.dice for score in evaluation.scores}


def test_label_values_of_the_list_are_the_structures_of_the_model(tmp_path):
    """As in MM-WHS, whose labels are 205 and 420."""
    values = np.array([0, 205, 420])
    listing = write_case(tmp_path, values[LABELS], labels={"b": 420, "a": 205})
    assert scores_of(listing, fixed(LABELS, ("a", "b"))) == {"a": 1, "b": 1}
    half = np.where(np.arange(7)[:, None, None] == 1, LABELS, 0)  # half of a, nothing of b
    assert scores_of(listing, fixed(half, ("a", "b"))) == {"a": pytest.approx(2 / 3), "b": 0}


def test_structures_without_contours_do_not_count(tmp_path):
    listing = write_case(
        tmp_path, np.where(LABELS == 1, 1, 0), labels={"a": 1, "b": 2}, entry={"classes": ["a"]}
    )
    assert scores_of(listing, fixed(LABELS, ("a", "b"))) == {"a": 1}


def test_a_structure_that_neither_map_has_does_not_count(tmp_path):
    listing = write_case(tmp_path, np.where(LABELS == 1, 1, 0), labels={"a": 1, "b": 2})
    assert scores_of(listing, fixed(np.where(LABELS == 1, 1, 0), ("a", "b"))) == {"a": 1}


def test_regions_are_compared_as_regions(tmp_path):
    members, written = ((1, 2), (2,)), (1, 2)
    labels = {"background": 0, "whole": [1, 2], "core": [2]}
    listing = write_case(tmp_path, LABELS, 2, labels=labels, regions_class_order=written)
    regions = Regions(members, written)
    assert scores_of(listing, fixed(LABELS, ("whole", "core"), regions)) == {"whole": 1, "core": 1}
    merged = np.where(LABELS > 0, 2, 0)  # all is core
    scores = scores_of(listing, fixed(merged, ("whole", "core"), regions))
    core, whole = (LABELS == 2).sum(), (LABELS > 0).sum()
    assert scores == {"whole": 1, "core": pytest.approx(2 * core / (core + whole))}


def test_cases_of_one_name_are_told_apart_and_surfaces_are_in_mm(tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    lists = []
    for folder in folders:
        folder.mkdir()
        lists.append(read_data_list(write_case(folder, LABELS, labels={"a": 1, "b": 2})))
    cases = [data.cases["test"][0] for data in lists]
    shifted = np.roll(LABELS, 1, axis=1)
    evaluation = evaluate_cases(fixed(shifted, ("a", "b")), cases, lists[0])
    assert {score.case for score in evaluation.scores} == {"one/case_0000", "two/case_0000"}
    assert {score.hausdorff95 for score in evaluation.scores} == {SPACING[1]}
    assert evaluation.summary[-1].n == 2


def test_a_label_map_on_another_grid_is_refused(tmp_path):
    listing = write_case(tmp_path, LABELS, labels={"a": 1, "b": 2})
    labels = image_of(LABELS.astype(np.int16))
    labels.SetOrigin((5, 0, 0))
    sitk.WriteImage(labels, str(tmp_path / "labels.nii.gz"))
    with pytest.raises(VoCoError, match="lies on another grid"):
        scores_of(listing, fixed(LABELS, ("a", "b")))
