import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from voco3d.inference import class_probabilities
from voco3d.inference.sliding_window import window_count

CPU = torch.device("cpu")


class PerVoxel(nn.Module):
    """Logits that depend on the voxel alone: windows cannot change them."""

    def forward(self, crops):
        return torch.cat([crops, 1 - crops, torch.sin(7 * crops)], dim=1)


@settings(deadline=None, max_examples=25)
@given(
    size=st.tuples(*[st.integers(3, 20)] * 3),
    window=st.tuples(*[st.sampled_from([4, 8])] * 3),
    overlap=st.sampled_from([0.0, 0.25, 0.5, 0.75]),
)
def test_windows_leave_no_seam(size, window, overlap):
    array = np.random.default_rng(0).uniform(size=(1, *size)).astype(np.float32)
    probabilities = class_probabilities(PerVoxel(), array, window, overlap, CPU)
    whole = torch.softmax(PerVoxel()(torch.from_numpy(array)[None])[0], 0).numpy()
    assert probabilities == pytest.approx(whole, abs=1e-5)


def test_overlapping_classes_have_probabilities_of_their_own():
    array = np.random.default_rng(0).uniform(-3, 3, size=(1, 9, 10, 11)).astype(np.float32)
    probabilities = class_probabilities(PerVoxel(), array, (8, 8, 8), 0.5, CPU, overlapping=True)
    whole = PerVoxel()(torch.from_numpy(array)[None])[0].numpy()
    assert probabilities == pytest.approx(1 / (1 + np.exp(-whole)), abs=1e-5)


@settings(deadline=None, max_examples=25)
@given(
    size=st.tuples(*[st.integers(3, 30)] * 3),
    window=st.tuples(*[st.sampled_from([4, 8, 16])] * 3),
    overlap=st.floats(0, 0.9),
)
def test_progress_counts_every_window(size, window, overlap):
    seen, calls = [], 0

    class Counted(PerVoxel):
        def forward(self, crops):
            nonlocal calls
            calls += 1
            return super().forward(crops)

    array = np.zeros((1, *size), np.float32)
    class_probabilities(
        Counted(), array, window, overlap, CPU, lambda done, total, what: seen.append((done, total))
    )
    total = window_count(size, window, overlap)
    assert calls == total
    assert seen == [(done, total) for done in range(total + 1)]


def test_an_exception_from_progress_stops_at_once():
    calls = []

    def stop(done, total, what):
        calls.append(done)
        if done == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        class_probabilities(
            PerVoxel(), np.zeros((1, 16, 16, 16), np.float32), (4, 4, 4), 0, CPU, stop
        )
    assert calls == [0, 1, 2]
