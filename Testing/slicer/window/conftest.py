"""The module in the stand-in for Slicer, with a phantom in the scene and small models."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from Testing.harness.fixtures import *  # noqa: F403
from Testing.slicer.window.driver import Driver, load

from Testing import harness  # isort: skip


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the user's models, empty."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("VOCO_MODELS", str(folder))
    return folder


@pytest.fixture
def small(models: Path, model_folder: Path) -> str:
    """A small random model with two structures, among the user's models; its name."""
    (models / "small").symlink_to(model_folder, target_is_directory=True)
    return "small"


@pytest.fixture
def window(models: Path, harness_session: None) -> Iterator[Driver]:
    """The module's window on an empty scene."""
    loaded = harness.load_module("VoCoSlicer")
    driver = Driver(loaded)
    yield driver
    driver.unload()


@pytest.fixture
def ct(window: Driver, phantom: Any, tmp_path: Path) -> Any:
    """The phantom's CT in the scene, chosen."""
    return load(phantom.image, tmp_path, "CT")
