"""Two processes train as one that accumulates their batches, and share a validation."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from Testing.training.finetuning.small_run import changed, unsaid
from voco3d.finetuning.config_file import FINETUNING
from voco3d.finetuning.training import finetune
from voco3d.training.checkpoints import LAST, read_checkpoint
from voco3d.training.record import column, read_rows

STEPS = 5

TWO = """
import sys
from pathlib import Path
from voco3d.finetuning.config_file import FINETUNING
from voco3d.finetuning.training import finetune

root = Path(sys.argv[1])
data, config = FINETUNING.read(root / "two.yaml")
finetune(config, data, root / "two")
"""


@pytest.fixture(scope="module")
def runs(cases, tmp_path_factory) -> Path:
    """A folder with a run "one", of one process, and "two", of two.

    Dice is that of a batch. So two processes are not one with a batch of twice the size, but one
    that takes their batches one after the other.
    """
    root = tmp_path_factory.mktemp("runs")
    config = changed("optimisation", steps=STEPS, learning_rate=1e-3, average=0.9)
    config = changed("validation", config, log_every=1, every=2, patience=1)
    finetune(changed("optimisation", config, accumulate=2), cases, root / "one", unsaid)
    FINETUNING.write(root / "two.yaml", cases, changed("compute", config, devices=2))
    (root / "two.py").write_text(TWO)
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run([sys.executable, *torchrun, str(root / "two.py"), str(root)], check=True)
    return root


@pytest.mark.parametrize("name", ["step", "loss", "gradient_norm", "learning_rate"])
def test_the_curves_are_the_same(runs, name):
    one, two = (column(read_rows(runs / r / "logs/training.csv"), name) for r in ("one", "two"))
    assert one == pytest.approx(two, rel=1e-4)


def test_the_validations_are_the_same(runs):
    one, two = (read_rows(runs / run / "logs" / "validation.csv") for run in ("one", "two"))
    assert one
    for name in ("step", "mean", "right gland", "left gland", "cord"):
        assert column(one, name) == pytest.approx(column(two, name), rel=1e-4, nan_ok=True)


def test_the_weights_are_the_same(runs):
    one, two = (
        read_checkpoint(runs / run / "checkpoints" / LAST)["state_dict"] for run in ("one", "two")
    )
    torch.testing.assert_close(one, two, atol=2e-4, rtol=0)
    assert (runs / "two" / "model" / "models" / "model.safetensors").is_file()
