"""What runs on a graphics card only."""

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def card() -> torch.device:
    """The CUDA device; without one these tests are skipped."""
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    return torch.device("cuda")


@pytest.fixture
def exact(card):
    """Single precision as the CPU has it, so that results can be compared."""
    kept = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    yield
    torch.backends.cudnn.allow_tf32 = kept[0]
    torch.set_float32_matmul_precision(kept[1])
