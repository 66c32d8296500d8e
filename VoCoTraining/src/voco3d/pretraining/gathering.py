"""The batch of all processes together."""

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.nn.functional import all_gather


def gather(rows: Tensor) -> Tensor:
    """Rows of all processes, in the order of their ranks; differentiable.

    Where every process computes the same loss of the gathered rows, the backward pass adds up
    what all of them send back, which is W times the gradient for W processes; the average that
    ``DistributedDataParallel`` takes of the parameters' gradients divides it by W again. For
    parameters behind the gathering each process has the whole gradient, and the average is it.
    So both are the gradients of one process with the whole batch.

    Args:
        rows: Of this process, ``(row, ...)``; of the same shape in every process.

    Returns:
        ``(process x row, ...)``; the rows themselves where there is one process.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return rows
    return torch.cat(all_gather(rows))  # type: ignore[no-untyped-call]
