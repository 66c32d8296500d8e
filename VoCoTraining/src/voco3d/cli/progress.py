"""Progress for people (a bar) and for programs (JSON lines), on standard error."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from voco3d.cli.stopping import cleaning_up
from voco3d.progress import Progress, silent

Style = Literal["bar", "json", "none"]


@contextmanager
def show_progress(style: Style, waiting: bool = True) -> Iterator[Progress]:
    """Give a callback that shows progress until the block ends.

    Args:
        style: How it is shown.
        waiting: Show a bar before anything is reported; not where other things are shown first.
    """
    if style == "none":
        yield silent
    elif style == "json":
        yield _json_line
    else:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        console = Console(stderr=True)
        bar = RichProgress(*columns, console=console)
        task = bar.add_task("starting", total=None)

        def update(done: int, total: int, what: str) -> None:
            bar.start()
            bar.update(task, description=what, completed=done, total=total)

        with cleaning_up(console.show_cursor):
            if waiting:
                bar.start()
            try:
                yield update
            finally:
                if bar.live.is_started:
                    bar.stop()


def _json_line(done: int, total: int, what: str) -> None:
    print(json.dumps({"done": done, "total": total, "what": what}), file=sys.stderr, flush=True)
