"""The structures of the bundled models, to choose from in Slicer's terminology selector."""

from pathlib import Path

import slicer

TERMINOLOGY_FILE = (
    Path(__file__).resolve().parents[1]
    / "Resources/Terminology/SegmentationCategoryTypeModifier-VoCo.term.json"
)


def load_terminology(logic: slicer.vtkSlicerTerminologiesModuleLogic) -> str:
    """Add the list to Slicer's terminologies, beside those of Slicer.

    Args:
        logic: the Terminologies module's logic, `slicer.modules.terminologies.logic()`.

    Returns:
        The name of the list, empty when the file could not be read.
    """
    return str(logic.LoadTerminologyFromFile(str(TERMINOLOGY_FILE)))
