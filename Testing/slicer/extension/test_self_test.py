"""The tests for Slicer itself, run here in the stand-in: they can pass, skip and fail."""

import importlib.util
import logging
import sys
import unittest
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
import SimpleITK as sitk
import slicer

from Testing import harness
from Testing.slicer.extension.places import MODULE

harness.start()

from VoCoSlicerLib import self_test  # noqa: E402
from VoCoSlicerLib.sample_data import SAMPLE_NAME  # noqa: E402
from VoCoSlicerLib.scene.ct import load_ct  # noqa: E402


class Terminologies:
    """`slicer.modules.terminologies`."""

    def __init__(self) -> None:
        self._logic = slicer.vtkSlicerTerminologiesModuleLogic()

    def logic(self) -> slicer.vtkSlicerTerminologiesModuleLogic:
        return self._logic


class SampleData(ModuleType):
    """Slicer's Sample Data module: it remembers addresses, and loads from them.

    Attributes:
        prepare: what is done to a file before it is loaded.
    """

    def __init__(self) -> None:
        super().__init__("SampleData")
        self.prepare: Callable[[Path], Path] = lambda path: path
        self.sources: dict[str, Path] = {}
        self.SampleDataLogic = self

    def registerCustomSampleDataSource(self, **arguments: str) -> None:  # noqa: N802
        path = url2pathname(urlsplit(arguments["uris"]).path)
        self.sources[arguments["sampleName"]] = Path(path)

    def downloadSamples(self, name: str) -> list[slicer.vtkMRMLScalarVolumeNode]:  # noqa: N802
        return [load_ct(slicer.mrmlScene, self.prepare(self.sources[name]), name)]


@pytest.fixture(autouse=True)
def sample_data(monkeypatch: pytest.MonkeyPatch) -> SampleData:
    """Slicer's Sample Data and Terminologies modules, as far as the tests use them."""
    module = SampleData()
    monkeypatch.setitem(sys.modules, "SampleData", module)
    monkeypatch.setattr(slicer.modules, "terminologies", Terminologies(), raising=False)
    harness.new_scene()
    return module


@pytest.fixture
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Slicer in which nothing was set up yet."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name in ("torch", "monai") else find(name, *rest),
    )


def test_all_cases_are_run_and_the_long_one_says_that_it_skips(without_torch, caplog):
    with caplog.at_level(logging.WARNING):
        try:
            self_test.SelfTest("runTest").runTest()
        except unittest.SkipTest:
            pytest.fail("a case that skips stopped the others")

    assert "test_segmentation skipped: torch and monai not installed" in caplog.text
    assert slicer.mrmlScene.GetFirstNodeByName(SAMPLE_NAME) is None  # cleared for the next


def test_unittest_finds_the_cases_as_slicer_runs_them(without_torch):
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(self_test.SelfTest)
    result = unittest.TestResult()

    suite.run(result)

    assert result.testsRun == 3
    assert len(result.skipped) == 1
    assert result.wasSuccessful()


def test_the_bundled_model_segments_the_sample(sample_data: SampleData, tmp_path: Path):
    """The whole way: sample, worker, model, scene; right is right. Of the sample, the middle."""

    def middle(path: Path) -> Path:
        sitk.WriteImage(sitk.ReadImage(str(path))[25:97, 22:86, 46:100], tmp_path / "part.nrrd")
        return tmp_path / "part.nrrd"

    sample_data.prepare = middle
    self_test.SelfTest("test_segmentation").debug()


def test_a_failure_is_not_hidden(monkeypatch: pytest.MonkeyPatch, without_torch):
    monkeypatch.setattr(self_test, "load_terminology", lambda logic: "another list")

    with pytest.raises(AssertionError):
        self_test.SelfTest("runTest").runTest()


def test_the_module_s_test_class_takes_the_cases_over():
    loaded = harness.load_module("VoCoSlicer")
    try:
        test_class = sys.modules["VoCoSlicer"].VoCoSlicerTest
        assert issubclass(test_class, self_test.SelfTest)
        assert test_class.runTest is self_test.SelfTest.runTest
        cases = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["VoCoSlicer"])
        assert cases.countTestCases() >= 3
    finally:
        loaded.unload()


def test_the_package_test_for_slicer_passes_here():
    path = MODULE / "Testing/Python/BundledPackageTest.py"
    specification = importlib.util.spec_from_file_location("BundledPackageTest", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    result = unittest.TestResult()

    unittest.defaultTestLoader.loadTestsFromModule(module).run(result)

    assert result.testsRun == 2
    assert result.wasSuccessful(), result.failures + result.errors


def test_slicer_gets_sample_and_structures_when_it_has_started(sample_data: SampleData):
    loaded = harness.load_module("VoCoSlicer")
    try:
        assert not sample_data.sources

        slicer.app.startupCompleted()

        assert set(sample_data.sources) == {SAMPLE_NAME}
        logic = slicer.modules.terminologies.logic()
        assert logic.IsTerminologyContextLoaded("Segmentation category and type - VoCo")
    finally:
        loaded.unload()
