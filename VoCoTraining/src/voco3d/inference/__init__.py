"""Sliding windows over a volume, and the segmentation or classification of one image."""

from voco3d.inference.classification import ImageClassifier, classify
from voco3d.inference.device import choose_device
from voco3d.inference.region import Region
from voco3d.inference.segmentation import Segmenter, segment
from voco3d.inference.sliding_window import class_probabilities

__all__ = [
    "ImageClassifier",
    "Region",
    "Segmenter",
    "choose_device",
    "class_probabilities",
    "classify",
    "segment",
]
