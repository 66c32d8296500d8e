"""Where crops lie: base grids, boxes and the overlaps that VoCo predicts."""

from voco3d.geometry.grid import BaseGrid
from voco3d.geometry.overlap import overlap_shares
from voco3d.geometry.random_crops import random_starts

__all__ = ["BaseGrid", "overlap_shares", "random_starts"]
