"""What a run is made of, and where its files lie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from voco3d.finetuning.config import FinetuneConfig
from voco3d.finetuning.data_list import DataList, Part
from voco3d.finetuning.network import Start
from voco3d.finetuning.prepared import PreparedCase
from voco3d.finetuning.result import model_of_run
from voco3d.models import Model
from voco3d.training.run_folder import MODEL

STORE = "cases"
"""Folder, in a run's, of the prepared cases."""


@dataclass(frozen=True)
class Run:
    """A run before its first step.

    Attributes:
        config: All options.
        data: Which cases, and what labels mean.
        prepared: The cases.
        start: The network.
        out: The run's folder.
    """

    config: FinetuneConfig
    data: DataList
    prepared: Mapping[Part, Sequence[PreparedCase]]
    start: Start
    out: Path

    @property
    def names(self) -> list[str]:
        """Of the training cases."""
        return [case.case.name for case in self.prepared["training"]]

    def model(self, results: Mapping[str, object], steps_done: int = 0) -> Model:
        """The description of the model that the run makes, with figures for its card."""
        folder = self.out / MODEL
        name = self.out.resolve().name
        return model_of_run(
            self.config, self.data, self.start, self.prepared, folder, name, results, steps_done
        )
