"""A run goes on with the cases that it began with."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from voco3d.errors import VoCoError


class SameData(pl.Callback):
    """Has checkpoints say what was trained on, and refuses to go on with something else.

    Args:
        path: The data list.
        content: What must be the same, as plain values: names, and contents by their hashes.
    """

    def __init__(self, path: Path, content: Mapping[str, Sequence[str]]) -> None:
        self.path = path
        self.content = {name: list(values) for name, values in content.items()}

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint says."""
        return self.content

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Compare with what a checkpoint says.

        Raises:
            VoCoError: If it says something else.
        """
        for name, values in self.content.items():
            if state_dict[name] != values:
                raise VoCoError(
                    f"The {name} of {self.path} are others than when the run began: put them back "
                    "as they were, or begin a new run."
                )
