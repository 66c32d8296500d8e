"""Synthetic CTs with exact labels: a patient for tests, demonstrations and a first training.

An anatomy is a list of shapes in millimetres, painted in turn through smoothly bent coordinates.
The patient belongs to the seed and not to the grid: two spacings show the same one.
"""

from voco3d.phantom.making import Region, make_phantom
from voco3d.phantom.rendering import Phantom

__all__ = ["Phantom", "Region", "make_phantom"]
