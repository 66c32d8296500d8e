"""What a network is made of, as plain values that can be stored in JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from voco3d.errors import VoCoError

JsonValue = None | bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"]


@dataclass(frozen=True)
class NetworkConfig:
    """A network by name, its channels and its own settings.

    Attributes:
        name: Name in the registry: "swin_unetr", "unetr" or "unet".
        in_channels: Channels of the input image.
        out_channels: Classes of the output, background included.
        args: Settings of this kind of network, for example ``{"feature_size": 48}``.

    Raises:
        VoCoError: If a value has the wrong type or a channel count is below 1.
    """

    name: str
    in_channels: int
    out_channels: int
    args: Mapping[str, JsonValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise VoCoError(f"The network name must be a text, but it is {self.name!r}.")
        for key in ("in_channels", "out_channels"):
            value = getattr(self, key)
            if not is_count(value):
                raise VoCoError(
                    f"The network's {key} must be a whole number from 1 up, but it is {value!r}."
                )
        if not isinstance(self.args, Mapping) or not all(isinstance(k, str) for k in self.args):
            raise VoCoError(
                f"The network's args must be a mapping from names to values, but they are "
                f"{self.args!r}."
            )
        object.__setattr__(self, "args", {k: _as_json(k, v) for k, v in self.args.items()})

    def to_json(self) -> dict[str, JsonValue]:
        """Return the values as a dictionary that ``json.dump`` accepts."""
        return {
            "name": self.name,
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "args": dict(self.args),
        }

    @classmethod
    def from_json(cls, values: object) -> "NetworkConfig":
        """Build a configuration from what ``to_json`` returned.

        Args:
            values: Dictionary with name, in_channels, out_channels and, optionally, args.

        Raises:
            VoCoError: If it is no dictionary, an entry is missing, unknown or of a wrong type.
        """
        if not isinstance(values, Mapping):
            raise VoCoError(f"A network must be described by a mapping, but it is {values!r}.")
        required = {"name", "in_channels", "out_channels"}
        missing = sorted(required - values.keys())
        if missing:
            raise VoCoError(f"The network's description lacks {', '.join(missing)}.")
        unknown = sorted(str(key) for key in values.keys() - required - {"args"})
        if unknown:
            raise VoCoError(
                f"The network's description has unknown entries: {', '.join(unknown)}; "
                "known are name, in_channels, out_channels and args."
            )
        return cls(
            values["name"], values["in_channels"], values["out_channels"], values.get("args", {})
        )

    def settings(self, defaults: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Return the args completed by the defaults of a kind of network.

        Raises:
            VoCoError: If an arg is not among the defaults.
        """
        unknown = sorted(self.args.keys() - defaults.keys())
        if unknown:
            raise VoCoError(
                f"The network {self.name!r} has no setting {', '.join(unknown)}; "
                f"it has {', '.join(defaults)}."
            )
        return {**defaults, **self.args}


def is_count(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number from 1 up (a bool is not)."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _as_json(key: str, value: Any) -> JsonValue:
    """Return the value with tuples as lists, so that a round trip compares equal."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_as_json(key, item) for item in value]
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {name: _as_json(key, item) for name, item in value.items()}
    raise VoCoError(f"The network setting {key} holds {value!r}, which JSON cannot store.")
