"""Cases, and a run that nothing interrupted: made once, looked at by several files."""

from dataclasses import replace
from pathlib import Path

import pytest

from Testing.training.finetuning.small_run import THOROUGH, unsaid, write_start
from Testing.training.finetuning.tiny_cases import write_cases
from voco3d.finetuning.training import finetune


@pytest.fixture(scope="session")
def cases(tmp_path_factory) -> Path:
    """A data list with three cases for training and three for validation."""
    return write_cases(tmp_path_factory.mktemp("data"), validation=3)


@pytest.fixture(scope="session")
def whole(cases, tmp_path_factory) -> Path:
    """The folder of a run with all there is to remember; only to be looked at."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    start = write_start(out.with_name("encoder"), images=["ab" * 8])
    finetune(replace(THOROUGH, init=str(start.weights.parents[1])), cases, out, unsaid)
    return out
