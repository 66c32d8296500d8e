"""Where the pictures go, and how large they are."""

from pathlib import Path

from Testing.slicer.window.driver import Driver

PANEL = (460, 640)
"""What Slicer leaves for a module's panel on a screen of 1366 x 768."""

TALL = (460, 1040)
"""For sections that one scrolls to."""

LONG = (460, 1180)
"""For a panel that one scrolls through."""

PATIENCE = 600
"""Seconds for a step, on a busy computer."""


class Album:
    """Takes each picture on light and on dark ground."""

    def __init__(self, window: Driver, folder: Path) -> None:
        self.window, self.folder = window, folder

    def take(self, name: str, size: tuple[int, int] = PANEL) -> None:
        """Save ``name-light.png`` and ``name-dark.png``."""
        for ground in ("light", "dark"):
            path = self.folder / f"{name}-{ground}.png"
            self.window.loaded.screenshot(path, size, dark=ground == "dark")
            print(path)
