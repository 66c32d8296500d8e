"""Texts in the user's language where 3D Slicer is there to translate them."""

try:
    from slicer.i18n import tr
except ImportError:

    def tr(text: str) -> str:
        """The text as it is: slicer-core without the application has no translations."""
        return text


__all__ = ["tr"]
