"""How good a segmentation is, and what it measures, in native space."""

from voco3d.metrics.dice import dice
from voco3d.metrics.volumes import Measurement, measure, write_csv

__all__ = ["Measurement", "dice", "measure", "write_csv"]
