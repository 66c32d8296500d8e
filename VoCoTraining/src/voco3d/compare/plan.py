"""Which runs a table is made of, and in which order."""

from dataclasses import dataclass

from voco3d.compare.config import CompareConfig
from voco3d.errors import VoCoError


@dataclass(frozen=True)
class PlannedRun:
    """A run of the table.

    Attributes:
        initialisation: The name of what it starts from.
        labels: Number of labelled training cases.
        seed: Of the draw of the cases and of the run.
    """

    initialisation: str
    labels: int
    seed: int

    @property
    def name(self) -> str:
        """Of the run's folder."""
        return f"{self.initialisation}-{self.labels}-{self.seed}"


def label_counts(config: CompareConfig, cases: int) -> list[int]:
    """The numbers of labelled cases in rising order, each once.

    Args:
        config: All options.
        cases: How many training cases there are.

    Raises:
        VoCoError: If more are asked for than there are.
    """
    counts = sorted({cases if labels == "all" else labels for labels in config.labels})
    if counts[-1] > cases:
        raise VoCoError(
            f"The comparison asks for {counts[-1]} labelled cases, but the data list has {cases} "
            "for training: lower labels, or say all."
        )
    return counts


def plan(config: CompareConfig, cases: int) -> list[PlannedRun]:
    """All runs, so ordered that what can be compared is there early: seed by seed.

    Args:
        config: All options.
        cases: How many training cases there are.

    Raises:
        VoCoError: If more cases are asked for than there are.
    """
    counts = label_counts(config, cases)
    first = config.finetune.seed
    seeds = {n: config.seeds_of_all if n == cases else config.seeds for n in counts}
    return [
        PlannedRun(name, labels, first + repeat)
        for repeat in range(max(seeds.values()))
        for labels in counts
        if repeat < seeds[labels]
        for name in config.initialisations
    ]
