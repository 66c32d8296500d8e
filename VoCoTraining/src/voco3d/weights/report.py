"""What became of every key when weights were loaded into a network."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

PROJECTOR = "projector."
"""What a projector's keys begin with."""


class Mismatch(NamedTuple):
    """A tensor that has another shape in the file than in the network."""

    key: str
    file_shape: tuple[int, ...]
    network_shape: tuple[int, ...]

    def __str__(self) -> str:
        file, network = (" x ".join(map(str, shape)) for shape in self[1:])
        return f"{self.key} ({file} in the file, {network} in the network)"


@dataclass(frozen=True)
class LoadReport:
    """The fate of every key of the file and of the network.

    Attributes:
        loaded: Keys whose tensor went from the file into the network.
        inflated: Those of them that were spread over several input channels.
        renamed: Pairs (key in the file, key in the network) where the two differ.
        mismatched: Keys of both whose shapes differ; they keep the network's values.
        missing: Keys of the network that the file lacks; they keep the network's values.
        unexpected: Keys of the file that the network lacks; they are ignored.
        percent_loaded: Share of the network's parameters (elements, not tensors) that were
            loaded, 0 to 100.
        encoder_complete: Whether every parameter of the encoder was loaded and none of the file's
            encoder was left over.
    """

    loaded: tuple[str, ...]
    inflated: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    mismatched: tuple[Mismatch, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    percent_loaded: float
    encoder_complete: bool

    @property
    def complete(self) -> bool:
        """Whether nothing of the network kept its own values."""
        return not self.mismatched and not self.missing

    @property
    def projector(self) -> str:
        """What became of the network's projector, in a few words; empty if it has none."""
        key = f"{PROJECTOR}linear1.weight"
        if key in self.loaded:
            return "the projector was loaded"
        if key in self.missing:
            return "the projector starts random, as the file has none"
        for mismatch in self.mismatched:
            if mismatch.key == key:
                return f"the projector starts random, as the file has another: {mismatch}"
        return ""

    def summary(self) -> str:
        """Return the counts, and what became of a projector, in one line."""
        counts = (
            f"{self.percent_loaded:.1f} % of the parameters loaded: {len(self.loaded)} tensors "
            f"loaded ({len(self.renamed)} keys renamed, {len(self.inflated)} inflated), "
            f"{len(self.mismatched)} of another shape, {len(self.missing)} missing, "
            f"{len(self.unexpected)} unexpected"
        )
        return "; ".join(filter(None, [counts, self.projector]))

    def lines(self) -> Iterator[str]:
        """Yield one line a key: its fate, its name and, where it differs, the file's name."""
        file_key = {key: f" (in the file: {name})" for name, key in self.renamed}
        for key in self.loaded:
            fate = "inflated" if key in self.inflated else "loaded"
            yield f"{fate:<11}{key}{file_key.get(key, '')}"
        for mismatch in self.mismatched:
            yield f"{'mismatched':<11}{mismatch}{file_key.get(mismatch.key, '')}"
        for key in self.missing:
            yield f"{'missing':<11}{key}"
        for key in self.unexpected:
            yield f"{'unexpected':<11}{key}{file_key.get(key, '')}"
