"""Sliding windows over a volume, and the segmentation of one image."""

from voco3d.inference.device import choose_device
from voco3d.inference.segmentation import Segmenter, segment
from voco3d.inference.sliding_window import class_probabilities

__all__ = ["Segmenter", "choose_device", "class_probabilities", "segment"]
