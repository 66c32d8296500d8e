from itertools import islice

import pytest
from torch.utils.data import DataLoader

from voco3d.training.draws import Draw, DrawBatches, Share, draws

VOLUMES = (3, 5, 8, 9, 11)


def test_every_epoch_takes_every_volume_once_in_another_order():
    taken = [draw.case for draw in islice(draws(VOLUMES, seed=0), 30)]
    epochs = [tuple(taken[i : i + 5]) for i in range(0, 30, 5)]
    assert all(sorted(epoch) == sorted(VOLUMES) for epoch in epochs)
    assert len(set(epochs)) > 3


def test_draws_are_numbered_and_the_seed_decides_the_order():
    first = list(islice(draws(VOLUMES, seed=0), 20))
    assert [draw.number for draw in first] == list(range(20))
    assert first == list(islice(draws(VOLUMES, seed=0), 20))
    assert first != list(islice(draws(VOLUMES, seed=1), 20))


@pytest.mark.parametrize("start", [0, 1, 4, 5, 13])
def test_draws_can_begin_anywhere(start):
    whole = list(islice(draws(VOLUMES, seed=2), 30))
    assert list(islice(draws(VOLUMES, seed=2, first=start), 30 - start)) == whole[start:]


def test_processes_share_each_global_batch_in_the_order_of_their_ranks():
    whole = DrawBatches(VOLUMES, seed=0, batch=6, count=7)
    shares = [DrawBatches(VOLUMES, 0, 2, 7, share=Share(rank, 3)) for rank in range(3)]
    for together, *parts in zip(whole, *shares, strict=True):
        assert [draw for part in parts for draw in part] == together


def test_batches_go_on_from_any_of_them_and_the_length_stays_that_of_the_run():
    whole = list(DrawBatches(VOLUMES, seed=0, batch=2, count=9))
    rest = DrawBatches(VOLUMES, seed=0, batch=2, count=9, first=4)
    assert list(rest) == whole[4:]
    assert len(rest) == len(whole) == 9


@pytest.mark.parametrize("workers", [0, 2])
def test_loaders_ask_for_whole_batches(workers):
    class Ask:
        def __getitem__(self, draw: Draw) -> tuple[int, int]:
            return draw.number, draw.case

    batches = DrawBatches(VOLUMES, seed=0, batch=2, count=4)
    loaded = [
        [*zip(numbers.tolist(), volumes.tolist(), strict=True)]
        for numbers, volumes in DataLoader(Ask(), batch_sampler=batches, num_workers=workers)
    ]
    assert loaded == [list(map(tuple, batch)) for batch in batches]
