"""The presets by name."""

from voco3d.presets.brats21 import BRATS21
from voco3d.presets.btcv import BTCV
from voco3d.presets.cc_ccii import CC_CCII
from voco3d.presets.lits import LITS
from voco3d.presets.mm_whs import MM_WHS
from voco3d.presets.msd_spleen import MSD_SPLEEN

PRESETS = {p.name: p for p in (BTCV, LITS, MSD_SPLEEN, MM_WHS, BRATS21, CC_CCII)}
"""The six downstream data sets of the paper, in its order."""
