"""What a label means: name, colour and standard terminology codes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from voco3d.errors import VoCoError


class Code(NamedTuple):
    """A coded concept, as DICOM and Slicer write it: scheme, value, meaning."""

    scheme: str
    value: str
    meaning: str


ANATOMICAL_STRUCTURE = Code("SCT", "123037004", "Anatomical Structure")
ALTERED_STRUCTURE = Code("SCT", "49755003", "Morphologically Altered Structure")
TISSUE = Code("SCT", "85756007", "Tissue")
RIGHT = Code("SCT", "24028007", "Right")
LEFT = Code("SCT", "7771000", "Left")


@dataclass(frozen=True)
class Structure:
    """A segmented structure.

    Attributes:
        name: Plain name, lower case, for example "right parotid gland".
        color: Red, green, blue, 0 to 255.
        category: Terminology category.
        type: Terminology type, the anatomical concept.
        modifier: Side or other modifier of the type.
        region: Anatomic region, for findings whose type says no place.
    """

    name: str
    color: tuple[int, int, int]
    category: Code
    type: Code
    modifier: Code | None = None
    region: Code | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        codes = {key: getattr(self, key) for key in ("category", "type", "modifier", "region")}
        return {
            "name": self.name,
            "color": list(self.color),
            **{key: list(code) for key, code in codes.items() if code is not None},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Structure":
        """Build a structure from what ``to_json`` returned.

        Raises:
            VoCoError: If an entry is missing or of another form.
        """
        try:
            color = tuple(int(c) for c in values["color"])
            if len(color) != 3 or not all(0 <= c <= 255 for c in color):
                raise ValueError(color)
            return cls(
                str(values["name"]),
                (color[0], color[1], color[2]),
                Code(*values["category"]),
                Code(*values["type"]),
                Code(*values["modifier"]) if "modifier" in values else None,
                Code(*values["region"]) if "region" in values else None,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise VoCoError(
                f"A class entry of the model is not valid ({error!r}): it needs name, color "
                "(3 numbers, 0 to 255), category and type (scheme, value, meaning each)."
            ) from error


def choose(structures: tuple[Structure, ...], names: list[str] | None) -> dict[int, Structure]:
    """The structures asked for, by the label that the model gives them (1, 2, ...).

    Args:
        structures: All structures of a model, in label order.
        names: Names of the wanted ones; None for all.

    Raises:
        VoCoError: If a name is not among them.
    """
    labels = dict(enumerate(structures, start=1))
    if names is None:
        return labels
    known = {structure.name.casefold(): label for label, structure in labels.items()}
    unknown = [name for name in names if name.casefold() not in known]
    if unknown or not names:
        raise VoCoError(
            f"The model has no class {', '.join(map(repr, unknown)) or 'without a name'}: "
            f"choose from {', '.join(s.name for s in structures)}."
        )
    wanted = {known[name.casefold()] for name in names}
    return {label: structure for label, structure in labels.items() if label in wanted}
