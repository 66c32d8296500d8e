"""The paper's downstream data sets: how they lie on disks, and whether they are complete."""

from voco3d.presets.catalogue import PRESETS
from voco3d.presets.checking import Report, check
from voco3d.presets.finding import Case, Fault, find_cases
from voco3d.presets.listing import data_list
from voco3d.presets.preset import Labels, Layout, Preset
from voco3d.presets.splitting import split
from voco3d.presets.stacking import stack

__all__ = [
    "PRESETS",
    "Case",
    "Fault",
    "Labels",
    "Layout",
    "Preset",
    "Report",
    "check",
    "data_list",
    "find_cases",
    "split",
    "stack",
]
