"""Which case each draw of a run takes: a function of the seed and the draw's number alone.

So a run can go on at any step, on any number of processes, with nothing to remember.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

ORDER = 1
"""Keeps the random numbers of the order apart from those of the crops, which use two numbers."""


class Draw(NamedTuple):
    """What is cut from which case.

    Attributes:
        number: Which draw of the whole run it is; it decides all that is random.
        case: Index of the case.
    """

    number: int
    case: int


def draws(cases: Sequence[int], seed: int, first: int = 0) -> Iterator[Draw]:
    """All draws of an endless run from number ``first`` on: each epoch is a new permutation."""
    number = first
    while True:
        epoch, position = divmod(number, len(cases))
        order = np.random.default_rng((seed, epoch, ORDER)).permutation(len(cases))
        for place in order[position:]:
            yield Draw(number, cases[place])
            number += 1


@dataclass(frozen=True)
class Share:
    """Which process this is of how many."""

    rank: int = 0
    processes: int = 1


class DrawBatches(Sampler[list[Draw]]):
    """The batches of one process: process r of a global batch takes places r b to (r + 1) b.

    Args:
        cases: Indices of the cases to draw from.
        seed: Of the order.
        batch: Draws b a process in each batch.
        count: Batches of the whole run.
        first: The batch to begin with, as after a checkpoint.
        share: Which process this is.
    """

    def __init__(
        self,
        cases: Sequence[int],
        seed: int,
        batch: int,
        count: int,
        first: int = 0,
        share: Share = Share(),
    ) -> None:
        self.cases, self.seed, self.batch = cases, seed, batch
        self.count, self.first, self.share = count, first, share

    def __len__(self) -> int:
        """Batches of the whole run, those before the first one included."""
        return self.count

    def __iter__(self) -> Iterator[list[Draw]]:
        """Yield the batches from the first one on."""
        together = self.batch * self.share.processes
        own = slice(self.share.rank * self.batch, (self.share.rank + 1) * self.batch)
        order = draws(self.cases, self.seed, self.first * together)
        for _ in range(self.first, self.count):
            yield [next(order) for _ in range(together)][own]
