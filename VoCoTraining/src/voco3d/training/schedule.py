"""The learning rate of each step."""

import math


def warm_cosine(step: int, warmup: int, steps: int) -> float:
    """Share of the learning rate at a step: it rises linearly, then falls as a half cosine.

    From 1 / (warmup + 1) at step 0 to 1 at step ``warmup``; it would be 0 at step ``steps``.

    Args:
        step: From 0 to ``steps``.
        warmup: Steps in which it rises.
        steps: Of the whole run.
    """
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2
