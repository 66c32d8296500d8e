"""``voco finetune``: train a network on labelled images, or go on with a run."""

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

HELP = "Train a network on labelled images, from pre-trained weights or from scratch."
DESCRIPTION = (
    HELP + " All options of the YAML files are flags too. The run leaves a model folder that "
    "`voco segment` takes."
)


def add_to(commands: Commands) -> None:
    """Add ``voco finetune`` to the commands; it parses its own arguments."""
    parser = commands.add_parser("finetune", help=HELP, description=DESCRIPTION, add_help=False)
    parser.set_defaults(run_with=run)


def run(arguments: Sequence[str], own_process: bool = False) -> None:
    """Run ``voco finetune``; in a process of its own with the allocator that suits it."""
    from voco3d.finetuning.config_file import FINETUNING

    options, config = FINETUNING.parse(build_parser(), arguments)
    check_run_options("voco finetune", options, arguments)

    from voco3d.finetuning.training import finetune, finish, resume
    from voco3d.training.trainer import is_first_process

    run: Path = options.resume or options.finish or options.out
    if own_process:
        use_huge_pages()
    with (
        telling_how_to_go_on("voco finetune", run, makes_model=True),
        show_progress("bar" if is_first_process() else "none") as progress,
    ):
        if options.resume:
            model = resume(run, progress=progress)
        elif options.finish:
            model = finish(run, progress=progress)
        else:
            model = finetune(config, options.data, run, progress=progress)
    if is_first_process():
        print(model)


def build_parser() -> "jsonargparse.ArgumentParser":
    """The parser of a run's options."""
    from voco3d.finetuning.config_file import FINETUNING

    parser = FINETUNING.parser()
    parser.description = DESCRIPTION
    add_run_options(parser)
    add_finish_option(parser)
    return parser
