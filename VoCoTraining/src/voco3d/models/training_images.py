"""The images that a model has been trained on, as its card states them: never by name."""

from collections.abc import Iterable

HASH_DIGITS = 16
"""First digits of an image's SHA-256 that the card keeps: enough to tell images apart."""


def stated_images(hashes: Iterable[str]) -> list[str]:
    """What the card keeps of images' SHA-256, each once, sorted."""
    return sorted({sha256[:HASH_DIGITS] for sha256 in hashes})
