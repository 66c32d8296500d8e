"""``voco pretrain``: train, go on with a run, and make something of it."""

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from voco3d.cli.allocator import use_huge_pages
from voco3d.cli.commands import Commands
from voco3d.cli.interruption import telling_how_to_go_on
from voco3d.cli.options import add_finish_option, add_run_options, check_run_options
from voco3d.cli.progress import show_progress

if TYPE_CHECKING:
    import jsonargparse

HELP = "Pre-train a network on unlabelled CTs (VoCo)."
DESCRIPTION = (
    "Pre-train a network on the volumes of a training cache, or go on with a run. All options "
    "of the YAML files are flags too. `voco pretrain report RUN` draws what happened in a run; "
    "`voco pretrain export RUN FILE` writes its network with the key names of the authors' code."
)


def add_to(commands: Commands) -> None:
    """Add ``voco pretrain`` to the commands; it parses its own arguments."""
    parser = commands.add_parser("pretrain", help=HELP, description=DESCRIPTION, add_help=False)
    parser.set_defaults(run_with=run)


def run(arguments: Sequence[str], own_process: bool = False) -> None:
    """Run ``voco pretrain``; in a process of its own with the allocator that suits it."""
    actions = {"report": _report, "export": _export}
    if arguments and arguments[0] in actions:
        actions[arguments[0]](arguments[1:])
    else:
        _train(arguments, own_process)


def _train(arguments: Sequence[str], own_process: bool) -> None:
    from voco3d.pretraining.config_file import parse

    options, config = parse(build_parser(), arguments)
    check_run_options("voco pretrain", options, arguments)

    from voco3d.pretraining.training import finish, pretrain, resume
    from voco3d.training.trainer import is_first_process

    run: Path = options.resume or options.finish or options.out
    if own_process:
        use_huge_pages()
    with (
        telling_how_to_go_on("voco pretrain", run, makes_model=True),
        show_progress("bar", waiting=False) as progress,
    ):
        if options.resume:
            model = resume(run, progress=progress)
        elif options.finish:
            model = finish(run, progress=progress)
        else:
            model = pretrain(config, options.data, run, progress=progress)
    if is_first_process():
        print(model)


def build_parser() -> "jsonargparse.ArgumentParser":
    """The parser of a run's options."""
    from voco3d.pretraining.config_file import config_parser

    parser = config_parser()
    parser.description = DESCRIPTION
    add_run_options(parser)
    add_finish_option(parser)
    return parser


def _report(arguments: Sequence[str]) -> None:
    parser = ArgumentParser(
        prog="voco pretrain report", description="Draw what happened in a run, as one HTML file."
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="the run's folder")
    options = parser.parse_args(arguments)

    from voco3d.pretraining.monitoring.report import write_report

    print(write_report(options.run))


def _export(arguments: Sequence[str]) -> None:
    parser = ArgumentParser(
        prog="voco pretrain export",
        description="Write a network with the key names of the authors' code.",
    )
    parser.add_argument("run", metavar="RUN", help="a run's folder, or a pre-trained model")
    parser.add_argument("file", type=Path, metavar="FILE", help=".pt or .pth")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    options = parser.parse_args(arguments)

    from voco3d.models import find_model
    from voco3d.pretraining.training import load_network
    from voco3d.training.run_folder import is_run
    from voco3d.weights import export_authors
    from voco3d.writing import check_writable

    check_writable(options.file, options.overwrite)
    if is_run(Path(options.run)):
        network = load_network(Path(options.run))
    else:
        network, _ = find_model(options.run).load_positions()
    export_authors(network, options.file)
    print(options.file)
