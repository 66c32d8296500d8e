import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voco3d.geometry import BaseGrid, overlap_shares, random_starts

quick = settings(deadline=None, max_examples=50)
TRIPLES = st.tuples(*[st.integers(1, 5)] * 3)
GRIDS = st.builds(BaseGrid, TRIPLES, TRIPLES)


@quick
@given(GRIDS, st.integers(0, 5), st.integers(0, 2**32))
def test_crops_lie_inside_so_their_labels_sum_to_1(grid, count, seed):
    starts = random_starts(grid, count, np.random.default_rng(seed))
    assert starts.shape == (count, 3)
    assert np.issubdtype(starts.dtype, np.integer)
    assert (starts >= 0).all()
    assert (starts + grid.crop <= grid.size).all()
    shares = overlap_shares(grid.boxes_at(starts), grid.boxes())
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=0, atol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_place_along_an_axis_is_equally_likely_both_ends_included(axis):
    """A chi-square test: its statistic has mean f and variance 2 f, f places less one."""
    grid = BaseGrid((3, 2, 2), (8, 5, 7))
    starts = random_starts(grid, 40_000, np.random.default_rng(4))[:, axis]
    places = grid.size[axis] - grid.crop[axis] + 1
    observed = np.bincount(starts, minlength=places)
    assert len(observed) == places
    assert (observed > 0).all()
    expected = len(starts) / places
    statistic = ((observed - expected) ** 2 / expected).sum()
    freedom = places - 1
    assert abs(statistic - freedom) < 4 * np.sqrt(2 * freedom)


def test_axes_are_independent_of_each_other():
    grid = BaseGrid((2, 2, 2), (9, 9, 9))
    starts = random_starts(grid, 10_000, np.random.default_rng(5))
    correlations = np.corrcoef(starts.T) - np.eye(3)
    assert np.abs(correlations).max() < 0.04


@quick
@given(GRIDS, st.integers(0, 2**32))
def test_the_same_generator_state_gives_the_same_crops(grid, seed):
    one, other = np.random.default_rng(seed), np.random.default_rng(seed)
    for _ in range(2):
        np.testing.assert_array_equal(random_starts(grid, 4, one), random_starts(grid, 4, other))


def test_the_next_draw_of_a_generator_differs():
    grid, random = BaseGrid((4, 4, 2), (64, 64, 64)), np.random.default_rng(6)
    assert (random_starts(grid, 8, random) != random_starts(grid, 8, random)).any()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_axis_with_one_base_has_one_place(axis):
    counts = [3, 3, 3]
    counts[axis] = 1
    starts = random_starts(BaseGrid(tuple(counts), (8, 8, 8)), 200, np.random.default_rng(7))
    assert (starts[:, axis] == 0).all()
    assert (np.delete(starts, axis, axis=1).max(axis=0) > 8).all()
