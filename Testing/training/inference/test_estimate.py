"""What a run will cost, against what it costs."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from Testing.conftest import small_model
from Testing.training.inference.test_region import middle_of, region_of
from Testing.training.inference.test_segmentation import ROTATION
from voco3d.data import Preprocessing
from voco3d.data.preprocessing import to_network
from voco3d.errors import VoCoError
from voco3d.inference import Segmenter, estimate
from voco3d.inference.estimate import Cost, Header, measure_cost
from voco3d.inference.memory import Memory, TensorPeak
from voco3d.inference.region import cut_to_region

CPU = torch.device("cpu")
COST = Cost(window_seconds=2.0, window_bytes=1000, weight_bytes=100, voxel_seconds=1e-6)


def header_of(image):
    return Header(
        image.GetSize(), image.GetSpacing(), image.GetOrigin(), tuple(image.GetDirection())
    )


def windows_of(segmenter, image, region=None):
    totals = {}
    segmenter(
        image,
        overlap=0.5,
        region=region,
        progress=lambda done, total, what: totals.update({what: total}),
    )
    return totals["segmenting"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A model that leaves out no margin: then all windows are known before."""
    folder = tmp_path_factory.mktemp("models") / "whole"
    wanted = Preprocessing((8.0, 7.0, 6.0), (-200.0, 500.0), crop_foreground=False)
    return Segmenter(small_model(folder, preprocessing=wanted))


@pytest.mark.parametrize("axes", ["RAS", "SAR", "IPL", "ASL"])
def test_the_windows_are_those_that_will_be_computed(whole, phantom, axes):
    image = sitk.DICOMOrient(phantom.image[:, :30, 5:], axes)
    found = estimate.estimate(header_of(image), whole.model, CPU, COST, 0.5)
    assert found.windows == windows_of(whole, image)


@pytest.mark.parametrize("sides", [(30, 30, 30), (160, 60, 60), (60, 200, 90), (80, 90, 220)])
@pytest.mark.parametrize("axes", ["RAS", "SAR"])
def test_the_windows_of_a_region(whole, phantom, sides, axes):
    image = sitk.DICOMOrient(phantom.image, axes)
    region = region_of(middle_of(image) + np.array([13, 5, -20]), sides, ROTATION)
    found = estimate.estimate(header_of(image), whole.model, CPU, COST, 0.5, region)
    computed = cut_to_region(
        to_network(image, whole.model.preprocessing), region, whole.model.window
    )
    sizes = estimate._sizes(header_of(image), whole.model, region)[1]
    assert np.abs(np.subtract(sizes, computed.array.shape[1:])).max() <= 2
    assert found.windows <= windows_of(whole, image)


def test_the_windows_of_another_size(whole, phantom):
    window = whole.window(True)
    assert window != whole.model.window
    header = header_of(phantom.image)
    found = estimate.estimate(header, whole.model, CPU, COST, 0.5, window=window)
    usual = estimate.estimate(header, whole.model, CPU, COST, 0.5)
    totals = {}
    whole(
        phantom.image,
        overlap=0.5,
        small_windows=True,
        progress=lambda done, total, what: totals.update({what: total}),
    )
    assert found.windows == totals["segmenting"] > usual.windows


def test_a_smaller_window_takes_less(whole):
    usual = measure_cost(whole.network, whole.model, CPU)
    small = measure_cost(whole.network, whole.model, CPU, whole.window(True))
    assert small.window_bytes < usual.window_bytes / 4


def test_a_region_outside_is_refused(whole, phantom):
    with pytest.raises(VoCoError, match="holds no voxel"):
        estimate.estimate(
            header_of(phantom.image),
            whole.model,
            CPU,
            COST,
            region=region_of((9000, 0, 0), (1, 1, 1)),
        )


def test_more_of_anything_costs_more(tmp_path, whole, phantom):
    header = header_of(phantom.image)
    usual = estimate.estimate(header, whole.model, CPU, COST, 0.25)
    dense = estimate.estimate(header, whole.model, CPU, COST, 0.75)
    large = Header((400, 440, 480), header.spacing, header.origin, header.direction)
    larger = estimate.estimate(large, whole.model, CPU, COST, 0.25)
    assert usual.windows * 2.0 <= usual.seconds < dense.seconds
    assert usual.memory == dense.memory < larger.memory
    assert larger.memory > 400 * 440 * 480


def test_advice(whole, phantom, monkeypatch):
    header = header_of(phantom.image)
    slow = Cost(100.0, 1000, 100, 1e-6)

    def advice(main, device=2**40, kind="cpu", cost=COST, region=None):
        monkeypatch.setattr(estimate, "main_memory", lambda: Memory(main, main))
        monkeypatch.setattr(estimate, "device_memory", lambda _: Memory(device, device))
        found = estimate.estimate(header, whole.model, torch.device(kind), cost, 0.5, region)
        return found.fits, " ".join(found.advice)

    assert advice(2**40) == (True, "")
    fits, said = advice(1000)
    assert not fits
    assert "close other programs" in said
    assert "region of interest" in said
    fits, said = advice(2**40, 1000, "cuda")
    assert not fits
    assert "choose the CPU" in said
    assert advice(2**40, 2000, "cuda")[0]
    assert not advice(1000, 2000, "cuda")[0]
    fits, said = advice(2**40, cost=slow)
    assert fits
    assert "overlap of 0.25" in said
    region = region_of(middle_of(phantom.image), (50, 50, 50))
    assert "region" not in advice(1000, region=region)[1]


def test_a_window_takes_more_than_its_tensors(whole):
    """Convolutions need room of their own, which no count of tensors sees."""
    cost = measure_cost(whole.network, whole.model, CPU)
    window = torch.rand((1, 1, *whole.model.window))
    with TensorPeak() as peak, torch.inference_mode():
        whole.network(window)
    assert 1.25 * peak.peak < cost.window_bytes < 3 * peak.peak


def test_time_is_honest_within_a_factor(tmp_path, phantom):
    """Many windows, so that other work on this machine does not decide."""
    import time

    segmenter = Segmenter(small_model(tmp_path / "small"), "cpu")
    ratios = []
    for _ in range(3):
        cost = measure_cost(segmenter.network, segmenter.model, CPU)
        expected = estimate.estimate(header_of(phantom.image), segmenter.model, CPU, cost, 0.6)
        started = time.perf_counter()
        segmenter(phantom.image, overlap=0.6)
        ratios.append(expected.seconds / (time.perf_counter() - started))
    assert 1 / 3 < sorted(ratios)[1] < 3


def test_the_peak_of_tensors():
    with TensorPeak() as peak:
        first = torch.zeros(1000)
        view = first[10:].reshape(99, 10)
        second = first + 1
        del first
        third = second.double()
        del second, third
        torch.zeros(10)
    assert peak.peak == 4000 + 4000 + 8000
    assert view.numel() == 990


MEASURED = """
import resource, sys, threading, time
from pathlib import Path
import SimpleITK as sitk, torch
from voco3d.inference import Segmenter
from voco3d.inference.estimate import Header, estimate, measure_cost
from voco3d.models import read_model
def used():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
model = read_model(Path(sys.argv[1]))
segmenter = Segmenter(model, "cpu")
image = sitk.Image(120, 110, 100, sitk.sitkInt16)
image = sitk.Cast(sitk.AdditiveGaussianNoise(image, 100.0, 300.0, 1), sitk.sitkInt16)
segmenter(image[:30, :30, :30])  # what libraries take at their first use
first = used()
cost = measure_cost(segmenter.network, model, segmenter.device)
header = Header(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())
expected = estimate(header, model, segmenter.device, cost, 0.0)
peak = [0]
def watch():
    while True:
        peak[0] = max(peak[0], used())
        time.sleep(0.005)
threading.Thread(target=watch, daemon=True).start()
segmenter(image, overlap=0.0)
print(expected.memory / (peak[0] - first))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it reads what Linux says of the process")
@pytest.mark.parametrize(("outputs", "window"), [(3, 96), (25, 32)])
def test_memory_is_honest_within_a_factor(tmp_path, outputs, window):
    """Once the window's tensors decide, once the sum of the classes."""
    from voco3d.networks import NetworkConfig

    folder = tmp_path / "model"
    small_model(
        folder,
        network=NetworkConfig("unet", 1, outputs, {"filters": [8, 8, 16]}),
        structures=small_model(tmp_path / "any").structures[:1] * (outputs - 1),
        window=(window,) * 3,
        preprocessing=Preprocessing((1.5, 1.5, 1.5), (-200.0, 500.0)),
    )
    done = subprocess.run([sys.executable, "-c", MEASURED, folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 0.7 < float(done.stdout) < 2


def test_headers_are_read_as_images_are():
    sizes = (5, 6, 7)
    for axes in itertools.islice(("RAS", "SAR", "IPL"), 3):
        image = sitk.DICOMOrient(sitk.Image(list(sizes), sitk.sitkUInt8), axes)
        corner = tuple(n - 1 for n in image.GetSize())
        place = np.array([image.TransformIndexToPhysicalPoint(corner)])
        assert header_of(image).placed.index_of(place) == pytest.approx(np.array([corner]))
