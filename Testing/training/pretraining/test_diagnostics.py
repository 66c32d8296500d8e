import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from voco3d.pretraining.monitoring.diagnostics import (
    effective_rank,
    mean_deviation,
    mean_similarity,
    overlap_error,
    top1,
)

SIZES = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 6), st.integers(0, 99))


def drawn(volumes, crops, n, seed):
    """Predicted and true overlaps; coarse, so that there are ties."""
    random = np.random.default_rng(seed)
    logits = torch.from_numpy(random.random((volumes, crops, n)))
    return logits, torch.from_numpy(random.integers(0, 3, (volumes, crops, n)) / 4)


@given(SIZES)
@settings(max_examples=60, deadline=None)
def test_top1_and_overlap_error_are_those_of_plain_loops(sizes):
    logits, overlaps = drawn(*sizes)
    right, error, crops = 0, 0.0, 0
    for row_l, row_y in zip(
        logits.flatten(0, 1).tolist(), overlaps.flatten(0, 1).tolist(), strict=True
    ):
        chosen = max(range(len(row_l)), key=row_l.__getitem__)
        right += chosen in [i for i, y in enumerate(row_y) if y == max(row_y)]
        error += sum(abs(a - b) for a, b in zip(row_l, row_y, strict=True)) / len(row_l)
        crops += 1
    assert top1(logits, overlaps) == pytest.approx(right / crops)
    assert overlap_error(logits, overlaps) == pytest.approx(error / crops)


def test_either_of_two_bases_is_right_if_a_crop_overlaps_both_alike():
    overlaps = torch.tensor([[0.5, 0.5, 0.0]] * 3)
    logits = torch.tensor([[0.9, 0.1, 0.2], [0.1, 0.9, 0.2], [0.1, 0.2, 0.9]])
    assert top1(logits, overlaps) == pytest.approx(2 / 3)


def test_saying_nothing_has_an_overlap_error_of_one_nth():
    overlaps = torch.tensor([[0.25, 0.1, 0.5, 0.15], [1.0, 0.0, 0.0, 0.0]])
    assert overlap_error(torch.zeros(2, 4), overlaps) == pytest.approx(1 / 4)


@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_effective_rank_is_that_of_the_definition(count, channels, seed):
    values = np.random.default_rng(seed).normal(size=(count, channels))
    unit = values / np.sqrt((values**2).sum(axis=1, keepdims=True))
    eigenvalues = np.linalg.eigvalsh(unit.T @ unit).clip(min=0)
    shares = [math.sqrt(e) / np.sqrt(eigenvalues).sum() for e in eigenvalues]
    entropy = -sum(p * math.log(p) for p in shares if p > 1e-12)
    assert effective_rank(torch.from_numpy(values)) == pytest.approx(math.exp(entropy), rel=1e-4)


def test_effective_rank_counts_directions():
    same = torch.randn(1, 16).expand(10, 16)
    assert effective_rank(same) == pytest.approx(1, abs=1e-5)
    assert effective_rank(same * torch.linspace(1, 9, 10)[:, None]) == pytest.approx(1, abs=1e-5)
    assert effective_rank(torch.eye(5, 16).repeat(3, 1)) == pytest.approx(5)
    assert effective_rank(torch.zeros(4, 3)) == 1
    assert math.isnan(effective_rank(torch.full((4, 3), math.nan)))


def test_mean_deviation_is_that_of_plain_loops_and_is_0_for_a_constant():
    values = np.random.default_rng(4).normal(size=(30, 7))
    unit = [[v / math.sqrt(sum(w * w for w in row)) for v in row] for row in values.tolist()]
    deviations = []
    for column in zip(*unit, strict=True):
        mean = sum(column) / len(column)
        deviations.append(math.sqrt(sum((v - mean) ** 2 for v in column) / len(column)))
    expected = sum(deviations) / len(deviations)
    assert mean_deviation(torch.from_numpy(values)) == pytest.approx(expected)
    assert mean_deviation(torch.randn(1, 8).expand(6, 8)) == pytest.approx(0, abs=1e-9)


def test_mean_deviation_of_directions_drawn_evenly_is_one_over_the_root_of_the_channels():
    values = torch.randn(4000, 64, generator=torch.Generator().manual_seed(0))
    assert mean_deviation(values) == pytest.approx(1 / 8, rel=0.01)


def test_mean_similarity_is_that_of_plain_loops():
    bases = np.random.default_rng(5).normal(size=(3, 4, 6))
    expected = np.zeros((4, 4))
    for q in bases:
        for i in range(4):
            for j in range(4):
                cosine = q[i] @ q[j] / (np.linalg.norm(q[i]) * np.linalg.norm(q[j]))
                expected[i, j] += cosine / 3
    np.testing.assert_allclose(mean_similarity(torch.from_numpy(bases)).numpy(), expected)
