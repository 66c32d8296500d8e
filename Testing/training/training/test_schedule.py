import math

import pytest

from voco3d.training.schedule import warm_cosine


def plain(step: int, warmup: int, steps: int) -> float:
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


@pytest.mark.parametrize(("warmup", "steps"), [(0, 10), (3, 10), (5_000, 100_000)])
def test_each_step_has_the_share_of_the_formula(warmup, steps):
    for step in range(0, steps + 1, max(1, steps // 1000)):
        assert warm_cosine(step, warmup, steps) == pytest.approx(plain(step, warmup, steps))


def test_the_first_step_already_learns_and_the_top_is_reached_once():
    shares = [warm_cosine(step, 4, 20) for step in range(21)]
    assert shares[0] > 0
    assert max(shares) == shares[4] == 1
    assert shares[20] == pytest.approx(0)
    assert sorted(shares[4:], reverse=True) == shares[4:]
