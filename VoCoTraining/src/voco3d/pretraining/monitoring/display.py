"""What a run says on the terminal: a panel that stays in place, or plain lines."""

import math
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from voco3d.pretraining.monitoring.collapse import Verdict
from voco3d.training.record import Row


@dataclass(frozen=True)
class Status:
    """Where a run stands.

    Attributes:
        step: Steps done.
        total: Steps of the whole run.
        seconds_left: Time left, or NaN.
        training: The latest row of the training record; empty before the first.
        probe: The latest row of the probe's record; empty before the first.
        verdict: What the probe says, or None before the first.
    """

    step: int
    total: int
    seconds_left: float
    training: Row
    probe: Row
    verdict: Verdict | None


class Display(Protocol):
    """Shows a run to a person."""

    def logged(self, status: Status) -> None:
        """Show a new row of the training record."""

    def probed(self, status: Status) -> None:
        """Show a new row of the probe's record."""

    def warn(self, warning: str) -> None:
        """Show a warning that stays."""

    def close(self) -> None:
        """Leave the terminal as it was."""


def make_display(console: Console) -> Display:
    """A live panel on an interactive terminal, plain lines anywhere else."""
    return LivePanel(console) if console.is_terminal else PlainLines(console)


class PlainLines:
    """One line a probe."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def logged(self, status: Status) -> None:
        """Say nothing: rows of the training record are too many."""

    def probed(self, status: Status) -> None:
        """Print one line."""
        parts = [f"step {status.step}/{status.total}", *(": ".join(f) for f in figures(status))]
        self.console.print(" | ".join(parts), soft_wrap=True, highlight=False, markup=False)

    def warn(self, warning: str) -> None:
        """Print the warning."""
        self.console.print(warning, soft_wrap=True, highlight=False, markup=False)

    def close(self) -> None:
        """There is nothing to leave."""


class LivePanel:
    """A panel that is drawn anew in its place."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live = Live(console=console, auto_refresh=False)

    def logged(self, status: Status) -> None:
        """Draw the panel anew."""
        self.live.start()
        self.live.update(panel(status), refresh=True)

    probed = logged

    def warn(self, warning: str) -> None:
        """Print the warning above the panel, where it stays."""
        self.console.print(Text(warning, style="bold yellow"))

    def close(self) -> None:
        """Leave the last panel where it is and give the cursor back."""
        self.live.stop()


def panel(status: Status) -> Panel:
    """The panel of a status."""
    body = Table.grid(padding=(0, 2))
    body.add_column(style="dim", no_wrap=True)
    body.add_column()
    body.add_row(
        f"step {status.step}/{status.total}",
        ProgressBar(total=max(status.total, 1), completed=status.step, width=40),
    )
    for name, value in figures(status):
        body.add_row(name, value)
    colours = {"learning": "green", "collapsed": "red", "no better than untrained": "yellow"}
    kind = status.verdict.kind if status.verdict else "too early"
    return Panel(
        body,
        title="VoCo pre-training",
        subtitle=kind,
        border_style=colours.get(kind, "blue"),
        expand=False,
    )


def figures(status: Status) -> list[tuple[str, str]]:
    """Name and value of all that is known about a run, for people."""
    training, probe = status.training, status.probe
    known = []
    if math.isfinite(status.seconds_left):
        known.append(("time left", duration(status.seconds_left)))
    if training:
        known += [
            ("L_pred", f"{training['prediction']:.4f}"),
            ("L_reg", f"{training['regularisation']:.4f}"),
        ]
    if probe:
        untrained = probe["untrained"]
        beside = f"chance {probe['chance']:.2f}"
        if math.isfinite(untrained):
            beside += f", untrained {untrained:.2f}"
        known += [
            ("top-1", f"{probe['top1']:.2f} ({beside})"),
            ("top-1 against reference bases", f"{probe['reference_top1']:.2f}"),
            ("overlap error", f"{probe['overlap_error']:.4f}"),
            ("effective rank", f"{probe['effective_rank']:.1f}"),
            ("similarity of bases", f"{probe['similarity']:.2f}"),
        ]
    if training:
        known += [
            ("gradient norm", f"{training['gradient_norm']:.3g}"),
            ("volumes/s", f"{training['volumes_per_second']:.3g}"),
            ("waiting for data", f"{training['waiting_share']:.0%}"),
        ]
        if math.isfinite(training["gpu_memory_gib"]):
            known.append(("GPU memory", f"{training['gpu_memory_gib']:.1f} GiB"))
    return known


def duration(seconds: float) -> str:
    """A time for people, such as "3 h 05 min"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
