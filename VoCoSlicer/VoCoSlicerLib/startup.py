"""What the module adds to Slicer when Slicer has started: connect `register` to it."""

import slicer

from VoCoSlicerLib.sample_data import register_sample_data
from VoCoSlicerLib.terminology_list import load_terminology


def register() -> None:
    """Offer the sample CT and the list of structures.

    For `slicer.app.connect("startupCompleted()", register)`.
    """
    register_sample_data()
    load_terminology(slicer.modules.terminologies.logic())
