"""What a model that predicts the position of crops was trained on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from voco3d.data.volume import VolumeSettings
from voco3d.errors import VoCoError
from voco3d.geometry import BaseGrid
from voco3d.losses import find_recipe
from voco3d.networks.config import is_count


@dataclass(frozen=True)
class Positions:
    """How a crop of a new volume is located against the training population.

    Attributes:
        recipe: Name of the recipe.
        grid: The bases, in the order of the model's reference bases.
        volume: What is done to an image before crops are cut from it.
        width: Channels of the embedding.

    Raises:
        VoCoError: If there is no such recipe or the width is below 1.
    """

    recipe: str
    grid: BaseGrid
    volume: VolumeSettings
    width: int

    def __post_init__(self) -> None:
        find_recipe(self.recipe)
        if not is_count(self.width):
            raise VoCoError(
                f"The width of the embedding must be a whole number from 1 up, but it is "
                f"{self.width!r}."
            )

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "recipe": self.recipe,
            "grid": {key: list(value) for key, value in asdict(self.grid).items()},
            "volume": self.volume.to_json(),
            "width": self.width,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Positions":
        """Build what ``to_json`` was called on.

        Raises:
            KeyError: If an entry is missing.
            TypeError: If an entry is of another kind.
            VoCoError: If a value is out of range.
        """
        counts, crop = (tuple(values["grid"][key]) for key in ("counts", "crop"))
        return cls(
            values["recipe"],
            BaseGrid(counts, crop),
            VolumeSettings.from_json(dict(values["volume"])),
            values["width"],
        )

    def lines(self) -> list[str]:
        """What people should know of it, a line each."""
        volume = self.volume
        low, high = volume.intensity
        body = "" if volume.foreground is None else f"cut to the body (> {volume.foreground:g}), "
        if volume.size is not None:
            sides = f"{_by(volume.size)} voxels"
        else:
            sides = f"voxels of {_by(volume.spacing or ())} mm"
        return [
            f"recipe {self.recipe}, {self.width} channels",
            f"bases {_by(self.grid.counts)} of {_by(self.grid.crop)} voxels",
            f"volumes {low:g} to {high:g} HU, {body}{sides}, {volume.bits} bits",
        ]


def _by(values: tuple[float, ...]) -> str:
    return " x ".join(f"{value:g}" for value in values)
