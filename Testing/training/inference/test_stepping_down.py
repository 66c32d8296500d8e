"""When memory runs out the work goes on with less, and says so."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from Testing.conftest import small_model
from Testing.training.inference.test_segmentation import same_grid
from voco3d.errors import VoCoError
from voco3d.inference import Segmenter, segmentation
from voco3d.inference.memory import Memory, is_out_of_memory, main_memory
from voco3d.inference.sliding_window import class_probabilities
from voco3d.inference.stepping_down import Way, smaller_window, step_down
from voco3d.metrics import dice
from voco3d.networks import NetworkConfig, build_network

CPU, GPU = torch.device("cpu"), torch.device("cuda")
OF_DEVICE = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
OF_MACHINE = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory"
)


@pytest.fixture
def segmenter(tmp_path):
    """With windows of 32 voxels, of a network that takes multiples of 4."""
    return Segmenter(small_model(tmp_path / "small", window=(32, 32, 32)), "cpu")


def run(segmenter, image, **options):
    notes = []
    result = segmenter(image, note=notes.append, **options)
    return result, notes


def refuse(monkeypatch, error, when):
    """Have the computation fail in some ways; return those that were tried."""
    tried = []

    def probabilities(network, array, window, overlap, device, *rest, dtype, **options):
        tried.append(Way(device, window, dtype))
        if when(tried[-1]):
            raise error
        return class_probabilities(
            network, array, window, overlap, CPU, *rest, dtype=dtype, **options
        )

    monkeypatch.setattr(segmentation, "class_probabilities", probabilities)
    return tried


def test_a_sum_in_half_precision_is_nearly_as_good(segmenter, phantom, monkeypatch):
    expected, notes = run(segmenter, phantom.image)
    assert notes == []
    tried = refuse(monkeypatch, OF_MACHINE, lambda way: way.dtype is torch.float32)
    result, notes = run(segmenter, phantom.image)
    assert [way.dtype for way in tried] == [torch.float32, torch.float16]
    assert notes == [
        "Memory ran out: continuing with windows of 32 x 32 x 32 voxels on the cpu, summed in half "
        "precision."
    ]
    assert same_grid(result, phantom.image)
    arrays = [sitk.GetArrayFromImage(image) for image in (result, expected)]
    assert min(dice(*arrays, label) for label in (1, 2)) > 0.99


def test_then_smaller_windows_until_there_is_nothing_left(segmenter, phantom, monkeypatch):
    tried = refuse(monkeypatch, MemoryError(), lambda way: True)
    with pytest.raises(VoCoError, match="Memory does not suffice for this image and model"):
        run(segmenter, phantom.image)
    assert [way.window[0] for way in tried] == [32, 32, 16, 8]
    assert segmenter.network.divisor == 4


def test_smaller_windows_give_a_segmentation(segmenter, phantom, monkeypatch):
    refuse(monkeypatch, OF_MACHINE, lambda way: way.window[0] > 16)
    result, notes = run(segmenter, phantom.image)
    assert len(notes) == 2
    assert "16 x 16 x 16" in notes[-1]
    assert set(np.unique(sitk.GetArrayFromImage(result))) == {0, 1, 2}


def test_small_windows_by_choice(segmenter, phantom, monkeypatch):
    expected, _ = run(segmenter, phantom.image)
    tried = refuse(monkeypatch, MemoryError(), lambda way: False)
    result, notes = run(segmenter, phantom.image, small_windows=True)
    assert [way.window for way in tried] == [(16, 16, 16)]
    assert notes == []
    assert same_grid(result, phantom.image)
    arrays = [sitk.GetArrayFromImage(image) for image in (result, expected)]
    assert min(dice(*arrays, label) for label in (1, 2)) > 0.5


def test_small_windows_where_there_are_none(tmp_path):
    segmenter = Segmenter(small_model(tmp_path / "small", window=(8, 4, 4)), "cpu")
    assert segmenter.window(True) == segmenter.window(False) == (8, 4, 4)


def test_a_device_that_runs_out_gives_way_to_the_cpu(segmenter, phantom, monkeypatch):
    expected, _ = run(segmenter, phantom.image)
    segmenter.device = torch.device("meta")
    monkeypatch.setattr(segmenter.network, "to", lambda device: segmenter.network)
    tried = refuse(monkeypatch, OF_DEVICE, lambda way: way.device.type == "meta")
    result, notes = run(segmenter, phantom.image)
    assert [(way.device.type, way.window[0]) for way in tried] == [
        ("meta", 32),
        ("meta", 16),
        ("meta", 8),
        ("cpu", 32),
    ]
    assert notes[-1] == "Memory ran out: continuing with windows of 32 x 32 x 32 voxels on the cpu."
    assert np.array_equal(sitk.GetArrayFromImage(result), sitk.GetArrayFromImage(expected))


def test_the_machines_memory_is_not_the_devices():
    network = build_network(NetworkConfig("unet", 1, 3, {"filters": [8, 8, 16]}))
    window = (32, 32, 32)
    way = Way(GPU, window)
    assert step_down(way, MemoryError(), network, window) == Way(GPU, window, torch.float16)
    assert step_down(way, OF_MACHINE, network, window) == Way(GPU, window, torch.float16)
    assert step_down(way, OF_DEVICE, network, window) == Way(GPU, (16, 16, 16))


def test_windows_that_a_network_takes():
    unet = build_network(NetworkConfig("unet", 1, 3, {"filters": [8, 8, 16, 16]}))
    assert unet.divisor == 8
    assert smaller_window(unet, (40, 40, 16)) == (24, 24, 8)
    assert smaller_window(unet, (16, 8, 8)) is None
    assert smaller_window(torch.nn.Identity(), (40, 40, 16)) is None
    with torch.inference_mode():
        assert unet(torch.zeros(1, 1, 24, 24, 8)).shape == (1, 3, 24, 24, 8)


def test_a_sum_that_cannot_fit_is_not_begun(segmenter, phantom, monkeypatch):
    """A system that promises memory it lacks would kill the process."""
    volume = 30 * 38 * 48 * 4
    tried = refuse(monkeypatch, MemoryError(), lambda way: False)
    for available, count in ((100 * volume, 0), (3 * volume, 1)):
        monkeypatch.setattr(segmentation, "main_memory", lambda a=available: Memory(a, a))
        assert len(run(segmenter, phantom.image)[1]) == count
    assert tried[-1].dtype is torch.float16
    monkeypatch.setattr(segmentation, "main_memory", lambda: Memory(1000, 1000))
    with pytest.raises(VoCoError, match="Memory does not suffice"):
        run(segmenter, phantom.image)


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), ValueError("no")])
def test_other_errors_pass(segmenter, phantom, monkeypatch, error):
    tried = refuse(monkeypatch, error, lambda way: True)
    with pytest.raises(type(error), match=str(error)):
        run(segmenter, phantom.image)
    assert len(tried) == 1


def test_memory_that_runs_out_elsewhere_is_said_in_a_sentence(segmenter, phantom, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("itk::ERROR: Failed to allocate memory for image.")

    monkeypatch.setattr(segmentation, "labels_on_image", fail)
    with pytest.raises(VoCoError, match="Memory does not suffice"):
        run(segmenter, phantom.image)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OF_DEVICE, True),
        (OF_MACHINE, True),
        (MemoryError(), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 3 GB)"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("shape mismatch"), False),
        (OSError("can't allocate memory"), False),
    ],
)
def test_what_counts_as_out_of_memory(error, expected):
    assert is_out_of_memory(error) == expected


def test_an_array_that_cannot_be_had():
    with pytest.raises(MemoryError) as caught:
        np.zeros(2**60, np.uint8)
    assert is_out_of_memory(caught.value)
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


LIMITED = """
import resource, sys
from pathlib import Path
import SimpleITK as sitk, torch
from voco3d.inference import Segmenter
from voco3d.models import read_model
segmenter = Segmenter(read_model(Path(sys.argv[1])), "cpu")
image = sitk.ReadImage(sys.argv[2])
notes = []
segmenter(image[:20, :20, :20], note=notes.append)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[3]), -1))
labels = segmenter(image, note=notes.append)
print(labels.GetSize(), notes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_process_whose_memory_is_limited_really_steps_down(tmp_path, phantom):
    network = NetworkConfig("unet", 1, 129, {"filters": [8, 8, 16]})
    structures = small_model(tmp_path / "two").structures[:1] * 128
    small_model(tmp_path / "many", network=network, structures=structures)
    file = tmp_path / "ct.nrrd"
    sitk.WriteImage(phantom.image, str(file))
    sum_of_windows = 130 * 30 * 38 * 48 * 4
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path / "many", file, str(int(0.9 * sum_of_windows))],
        capture_output=True,
        text=True,
        # Else the heaps that glibc keeps ready for threads would be room that is not limited.
        env={**os.environ, "MALLOC_ARENA_MAX": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "(40, 44, 48)" in done.stdout
    assert re.search(r"Memory ran out: .* half precision", done.stdout)


def test_there_is_memory():
    memory = main_memory()
    assert memory.available > 0
    assert 2**28 < memory.total < 2**50


def test_a_container_has_less(tmp_path, monkeypatch):
    from voco3d.inference import memory

    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    (tmp_path / "memory.max").write_text(f"{2**20}\n")
    (tmp_path / "memory.current").write_text(f"{2**18}\n")
    assert main_memory() == Memory(2**20 - 2**18, 2**20)
    (tmp_path / "memory.max").write_text("max\n")
    assert main_memory().total > 2**28
