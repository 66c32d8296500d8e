"""What the tests of the command line share: images, folders, and the command itself."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import SimpleITK as sitk

from Testing.conftest import write_dicom_series
from voco3d.cli import main
from voco3d.phantom import Phantom


@pytest.fixture(scope="session")
def ct(tmp_path_factory: pytest.TempPathFactory, phantom: Phantom) -> Path:
    file = tmp_path_factory.mktemp("ct") / "ct.nii.gz"
    sitk.WriteImage(phantom.image, str(file))
    return file


@pytest.fixture(scope="session")
def dicom(tmp_path_factory: pytest.TempPathFactory, phantom: Phantom) -> Path:
    folder = tmp_path_factory.mktemp("dicom")
    write_dicom_series(phantom.image[:, :, :12], folder)
    return folder


@pytest.fixture
def user_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VOCO_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    def refusal(self) -> str:
        """What was said to the user when a command was refused."""
        assert self.code == 2
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("voco: "), self.err
        return self.err


@pytest.fixture
def voco(capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Runs a command in this process; what C++ code prints counts too."""

    def run(*arguments: str | Path) -> Result:
        code = main([str(argument) for argument in arguments])
        sys.stdout.flush()
        return Result(code, *capfd.readouterr())

    return run
