"""How good a segmentation is, and what it measures, in native space."""

from voco3d.metrics.dice import dice
from voco3d.metrics.evaluation import Evaluation, evaluate
from voco3d.metrics.pairing import Pair, Pairing, pair
from voco3d.metrics.scores import Score, score
from voco3d.metrics.summary import Summary, summarise
from voco3d.metrics.surface import hausdorff95, surface_dice
from voco3d.metrics.tables import write_evaluation
from voco3d.metrics.volumes import Measurement, measure, write_csv

__all__ = [
    "Evaluation",
    "Measurement",
    "Pair",
    "Pairing",
    "Score",
    "Summary",
    "dice",
    "evaluate",
    "hausdorff95",
    "measure",
    "pair",
    "score",
    "summarise",
    "surface_dice",
    "write_csv",
    "write_evaluation",
]
