"""Checkpoint files in and out, with a report of every key."""

from voco3d.weights.architecture import has_head, infer_network
from voco3d.weights.checkpoint import Checkpoint, read_tensors
from voco3d.weights.loading import load_weights
from voco3d.weights.report import LoadReport, Mismatch
from voco3d.weights.saving import save_weights

__all__ = [
    "Checkpoint",
    "LoadReport",
    "Mismatch",
    "has_head",
    "infer_network",
    "load_weights",
    "read_tensors",
    "save_weights",
]
