"""On a graphics card the same segmentation and the same places come out as on the CPU."""

import gc

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from Testing.conftest import small_model
from Testing.training.inference.test_segmentation import agreement, same_grid
from voco3d.inference import Segmenter, choose_device
from voco3d.inference.memory import device_memory
from voco3d.positions import Positioner


def test_the_card_is_chosen_by_itself(card):
    assert choose_device("auto").type == card.type


def test_the_bundled_model_gives_the_same_segmentation(phantom):
    on_cpu = Segmenter("headneck-oar", "cpu")(phantom.image)
    on_card = Segmenter("headneck-oar", "cuda")(phantom.image)
    assert same_grid(on_card, phantom.image)
    assert len(np.unique(sitk.GetArrayViewFromImage(on_cpu))) == 6
    assert agreement(on_card, on_cpu) > 0.995


@pytest.mark.parametrize("axes", ["RAS", "LPS", "SAR", "PIL"])
def test_the_orientation_does_not_matter_there_either(axes, model_folder, phantom):
    segmenter = Segmenter(model_folder, "cuda")
    labels = segmenter(phantom.image)
    turned = segmenter(sitk.DICOMOrient(phantom.image, axes))
    assert same_grid(turned, sitk.DICOMOrient(phantom.image, axes))
    assert agreement(turned, sitk.DICOMOrient(labels, axes)) >= 0.99


def test_a_full_card_gives_way_to_smaller_windows_or_the_cpu(tmp_path, phantom, card):
    model = small_model(tmp_path / "small", window=(96, 96, 96), overlap=0.0)
    segmenter = Segmenter(model, "cuda")
    segmenter.network.to(card)
    gc.collect()
    torch.cuda.empty_cache()
    notes = []
    share = (torch.cuda.memory_reserved() + 48 * 2**20) / device_memory(card).total
    torch.cuda.set_per_process_memory_fraction(share)
    try:
        result = segmenter(phantom.image, note=notes.append)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert notes
    assert notes[0].startswith("Memory ran out: continuing with windows of")
    assert same_grid(result, phantom.image)
    smaller = "48 x 48 x 48 voxels on the cuda" in notes[-1]
    expected = Segmenter(model, "cpu")(phantom.image, small_windows=smaller)
    assert agreement(result, expected) > 0.99


def test_places_are_found_as_on_the_cpu(phantom):
    cpu, cuda = (Positioner("headneck-voco", name).open(phantom.image) for name in ("cpu", "cuda"))
    np.testing.assert_allclose(cuda.bases.similarity, cpu.bases.similarity, atol=5e-3)
    for here, there in zip(cuda.locate_random(4), cpu.locate_random(4), strict=True):
        assert here.centre == there.centre
        np.testing.assert_allclose(here.predicted, there.predicted, atol=5e-3)


def test_memory_of_the_card_is_told(card):
    memory = device_memory(card)
    assert 0 < memory.available <= memory.total
