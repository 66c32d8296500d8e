"""All options of a comparison."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from voco3d.errors import VoCoError
from voco3d.finetuning.config import FinetuneConfig, Network
from voco3d.training.options import check, plain

NAME = re.compile(r"[\w+][\w+.-]*")
"""What an initialisation may be called: a part of a folder's name."""


@dataclass(frozen=True)
class CompareConfig:
    """A table of fine-tuning runs.

    Attributes:
        initialisations: What the runs start from, by the name it has in the table: the name of an
            installed model, a model folder or a checkpoint; null for random weights. Gains are
            over the first null.
        labels: Numbers of labelled training cases; "all" for as many as there are.
        seeds: Runs of each initialisation and number of cases: finetune.seed and the next ones.
            A seed also draws the cases, the same ones for all initialisations; a larger draw of
            a seed holds the smaller ones.
        seeds_of_all: Likewise with all cases, where there is nothing to draw.
        strict: Refuse initialisations that are not known to be new to the test images.
        finetune: Options of every run; its init must be null.
    """

    initialisations: dict[str, str | None] = field(default_factory=lambda: {"none": None})
    labels: list[int | Literal["all"]] = field(default_factory=lambda: ["all"])
    seeds: int = 3
    seeds_of_all: int = 1
    strict: bool = False
    finetune: FinetuneConfig = field(
        default_factory=lambda: FinetuneConfig(network=Network("swin_unetr", {"feature_size": 48}))
    )

    def __post_init__(self) -> None:
        bad = next((name for name in self.initialisations if not NAME.fullmatch(name)), None)
        if bad is not None or not self.initialisations:
            raise VoCoError(
                f"An initialisation cannot be called {bad!r}: use letters, digits, '-', '_', '.' "
                "and '+'."
                if self.initialisations
                else "The option initialisations must name one or more."
            )
        least = min((n for n in self.labels if n != "all"), default=len(self.labels))
        check(
            None,
            labels=(self.labels, least >= 1, "one or more numbers from 1 up, or all"),
            seeds=(self.seeds, self.seeds >= 1, "1 or more"),
            seeds_of_all=(self.seeds_of_all, self.seeds_of_all >= 1, "1 or more"),
        )
        if self.finetune.init is not None or self.finetune.network.name is None:
            raise VoCoError(
                "All runs of a comparison have one network: say finetune.network.name, and what "
                "they start from in initialisations instead of finetune.init."
            )
        compute = self.finetune.compute
        if compute.devices * compute.nodes > 1:
            raise VoCoError(
                "Each run of a comparison trains on one device: set finetune.compute.devices and "
                "nodes to 1, and begin `voco compare` on the same OUT once for each device."
            )

    @property
    def baseline(self) -> str | None:
        """The initialisation with random weights that others are compared with."""
        return next((name for name, init in self.initialisations.items() if init is None), None)

    def to_plain(self) -> dict[str, Any]:
        """The options as YAML can hold them."""
        return {key: plain(value) for key, value in asdict(self).items()}
