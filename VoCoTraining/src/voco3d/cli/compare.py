"""``voco compare``: a table of fine-tuning runs."""

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from voco3d.cli.allocator import use_huge_pages
from voco3d.cli.commands import Commands
from voco3d.cli.interruption import telling_how_to_go_on
from voco3d.cli.options import add_run_options, check_run_options
from voco3d.cli.progress import show_progress

if TYPE_CHECKING:
    import jsonargparse

HELP = "Compare initialisations: fine-tune with few and many labelled cases and several seeds."
DESCRIPTION = (
    "Fine-tune once for each initialisation, number of labelled cases and seed, judge each model "
    "on the test cases, and write the table as table.md, table.csv and table.png after every run. "
    "Begun again, it goes on with what is not finished; begun twice at a time, with the same OUT, "
    "the two share the runs. All options of the YAML files are flags too. `voco compare table OUT` "
    "only writes the table anew."
)


def add_to(commands: Commands) -> None:
    """Add ``voco compare`` to the commands; it parses its own arguments."""
    parser = commands.add_parser("compare", help=HELP, description=DESCRIPTION, add_help=False)
    parser.set_defaults(run_with=run)


def run(arguments: Sequence[str], own_process: bool = False) -> None:
    """Run ``voco compare``; in a process of its own with the allocator that suits training."""
    if arguments and arguments[0] == "table":
        _table(arguments[1:])
    else:
        _compare(arguments, own_process)


def _compare(arguments: Sequence[str], own_process: bool) -> None:
    from voco3d.compare.config_file import parse

    options, config = parse(build_parser(), arguments)
    check_run_options("voco compare", options, arguments)

    from voco3d.compare.comparison import compare, resume

    out: Path = options.resume or options.out
    if own_process:
        use_huge_pages()
    with (
        telling_how_to_go_on("voco compare", out, " of a run"),
        show_progress("bar", waiting=False) as progress,
    ):
        if options.resume:
            table = resume(out, progress=progress)
        else:
            table = compare(config, options.data, out, progress=progress)
    print(table)


def build_parser() -> "jsonargparse.ArgumentParser":
    """The parser of a comparison's options."""
    from voco3d.compare.config_file import config_parser

    parser = config_parser()
    parser.description = DESCRIPTION
    add_run_options(parser, "comparison")
    return parser


def _table(arguments: Sequence[str]) -> None:
    parser = ArgumentParser(
        prog="voco compare table", description="Write the table of the finished runs anew."
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of the comparison")
    options = parser.parse_args(arguments)

    from voco3d.compare.comparison import rewrite_table

    print(rewrite_table(options.out))
