"""``voco``: parse the arguments, run one command, turn errors and signals into exit codes."""

import logging
import sys
import warnings
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import voco3d
from voco3d.cli.stopping import Stopped, end, stop_on_signals
from voco3d.errors import VoCoError


def build_parser() -> ArgumentParser:
    """The parser of all commands.

    The commands are imported here and not above, since Ctrl-C shows a traceback until ``main``
    has begun.
    """
    from voco3d.cli import (
        cache,
        classify,
        compare,
        data,
        evaluate,
        find,
        finetune,
        info,
        models,
        phantom,
        positions,
        pretrain,
        segment,
    )

    parser = ArgumentParser(
        prog="voco",
        description="Segment CT volumes with VoCo networks. Not a medical device.",
        epilog="`voco COMMAND --help` says more about each.",
    )
    parser.add_argument("--version", action="version", version=f"voco3d {voco3d.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (
        segment,
        classify,
        models,
        info,
        positions,
        find,
        phantom,
        data,
        cache,
        pretrain,
        finetune,
        compare,
        evaluate,
    ):
        command.add_to(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``voco`` and return its exit code.

    0: done. 2: a problem on the user's side, said in one sentence. Anything else is a bug and
    shows a traceback. Ctrl-C and SIGTERM end the process, with exit code 130 and 143.
    """
    try:
        with stop_on_signals(), _without_warnings():
            parser = build_parser()
            arguments, rest = parser.parse_known_args(argv)
            if "run_with" in arguments:  # a command that parses its own arguments
                arguments.run_with(rest, own_process=argv is None)
            elif rest:
                parser.error(f"unrecognized arguments: {' '.join(rest)}")
            else:
                arguments.run(arguments)
    except VoCoError as error:
        print(f"voco: {error}", file=sys.stderr)
        return 2
    except Stopped as stopped:
        end(stopped.exit_code)
    return 0


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keep libraries quiet: their warnings are for programmers, and some name the patient."""
    import SimpleITK as sitk

    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)
