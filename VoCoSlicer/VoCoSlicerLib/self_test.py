"""The module's tests that run inside Slicer, without a network and without patient data."""

import importlib.util
import logging
import time
import unittest
from collections import deque
from collections.abc import Callable

import slicer

from VoCoSlicerLib.sample_data import SAMPLE_NAME, register_sample_data
from VoCoSlicerLib.segmenting.one_volume import OneVolume
from VoCoSlicerLib.segmenting.outcome import End, Outcome, Progress
from VoCoSlicerLib.segmenting.run import Run, Settings
from VoCoSlicerLib.terminology_list import load_terminology
from VoCoSlicerLib.worker.environment import slicer_python

MODEL = "headneck-oar"
STRUCTURES = [
    "brainstem",
    "spinal cord",
    "right parotid gland",
    "left parotid gland",
    "mandible",
]
PATIENCE = 600.0
"""Seconds that a segmentation may take on a slow computer."""


class SelfTest(unittest.TestCase):
    """The tests. The module's test class takes them over and adds Slicer's base class."""

    def setUp(self) -> None:
        """Start from an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:  # noqa: N802 - unittest's spelling
        """Run all tests, for Slicer's "Reload and Test"; say which were skipped."""
        for name in unittest.defaultTestLoader.getTestCaseNames(type(self)):
            self.setUp()
            try:
                getattr(self, name)()
            except unittest.SkipTest as reason:
                logging.warning("VoCo: %s skipped: %s", name, reason)

    def test_sample_data(self) -> None:
        """The sample CT comes out of the Sample Data module, upright and in Hounsfield units."""
        volume_node = self.sample()

        assert volume_node.GetName() == SAMPLE_NAME
        assert volume_node.GetImageData().GetDimensions() == (128, 128, 128)
        assert volume_node.GetSpacing() == (3.0, 3.0, 3.0)
        low, high = volume_node.GetImageData().GetScalarRange()
        assert low < -900
        assert high > 900

    def test_terminology(self) -> None:
        """Slicer reads the list of structures."""
        logic = slicer.modules.terminologies.logic()

        name = load_terminology(logic)

        assert logic.IsTerminologyContextLoaded(name)
        assert logic.GetNumberOfCategoriesInTerminology(name) == 1

    def test_segmentation(self) -> None:
        """The bundled model finds the sample's structures, and knows right from left."""
        missing = [name for name in ("torch", "monai") if importlib.util.find_spec(name) is None]
        if missing:
            self.skipTest(f"{' and '.join(missing)} not installed in Slicer's Python")
        volume_node = self.sample()

        outcome = self.segment(volume_node)

        assert outcome.end == End.DONE, outcome.message
        (segmentation_node,) = outcome.nodes
        segmentation = segmentation_node.GetSegmentation()
        ids = list(segmentation.GetSegmentIDs())
        assert [segmentation.GetSegment(id).GetName() for id in ids] == STRUCTURES
        for row in outcome.results[0].rows:
            assert row.volume_ml > 1.0, row.name
        right, left = (segmentation_node.GetSegmentCenterRAS(ids[n]) for n in (2, 3))
        assert right[0] > left[0] + 40.0

    def sample(self) -> slicer.vtkMRMLScalarVolumeNode:
        """The sample CT, loaded through the Sample Data module."""
        import SampleData  # type: ignore[import-not-found]

        register_sample_data()
        (volume_node,) = SampleData.downloadSamples(SAMPLE_NAME)
        return volume_node

    def segment(self, volume_node: slicer.vtkMRMLScalarVolumeNode) -> Outcome:
        """Segment a volume with the bundled model, as the window does it."""
        # Here, because the process needs Qt: the other tests run without it.
        from VoCoSlicerLib.worker.process import Worker

        worker = Worker(slicer_python())
        loop = _Loop()
        run = Run(OneVolume(volume_node), Settings(MODEL), worker, loop, loop.later)
        try:
            run.start()
            return loop.outcome_within(PATIENCE)
        finally:
            worker.stop()


class _Loop:
    """Hears of a run, and lets it and Slicer go on until it has ended."""

    def __init__(self) -> None:
        self._outcome: Outcome | None = None
        self._calls: deque[Callable[[], None]] = deque()

    def later(self, _milliseconds: int, function: Callable[[], None]) -> None:
        """Call a function in the next round."""
        self._calls.append(function)

    def outcome_within(self, seconds: float) -> Outcome:
        """How the run ended."""
        until = time.monotonic() + seconds
        while self._outcome is None:
            if time.monotonic() > until:
                raise AssertionError(f"The run did not end within {seconds:.0f} s.")
            slicer.app.processEvents()
            if self._calls:
                self._calls.popleft()()
            else:
                time.sleep(0.01)
        return self._outcome

    def progress(self, progress: Progress) -> None:
        """Log how far the run is."""
        logging.info("VoCo: %3.0f %% %s", 100 * progress.share, progress.what)

    def note(self, text: str) -> None:
        """Log what the worker remarks."""
        logging.info("VoCo: %s", text)

    def ended(self, outcome: Outcome) -> None:
        """Take the outcome."""
        self._outcome = outcome
