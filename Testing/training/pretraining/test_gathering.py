"""Gathering in a group of one process; test_distributed has two."""

import pytest
import torch
import torch.distributed as dist

from voco3d.pretraining.gathering import gather


@pytest.fixture
def group(tmp_path):
    dist.init_process_group("gloo", f"file://{tmp_path}/meeting", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_gradients_go_back_through_the_gathering(group):
    rows = torch.rand(3, 2, requires_grad=True)
    weights = torch.arange(6.0).view(3, 2)
    gathered = gather(rows)
    assert torch.equal(gathered, rows)
    (gathered * weights).sum().backward()
    assert torch.equal(rows.grad, weights)


def test_without_a_group_the_rows_are_those_of_this_process():
    rows = torch.rand(3, 2, requires_grad=True)
    assert gather(rows) is rows
