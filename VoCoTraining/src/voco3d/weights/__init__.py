"""Checkpoint files in and out, with a report of every key."""

from voco3d.weights.architecture import has_head, infer_network
from voco3d.weights.authors import export_authors
from voco3d.weights.checkpoint import Checkpoint, read_tensors
from voco3d.weights.initialising import initialise
from voco3d.weights.loading import load_weights
from voco3d.weights.report import LoadReport, Mismatch
from voco3d.weights.saving import save_weights

__all__ = [
    "Checkpoint",
    "LoadReport",
    "Mismatch",
    "export_authors",
    "has_head",
    "infer_network",
    "initialise",
    "load_weights",
    "read_tensors",
    "save_weights",
]
