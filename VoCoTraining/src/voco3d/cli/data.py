"""``voco data``: the paper's data sets, whether they are complete, and their data lists."""

from argparse import ArgumentParser, Namespace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from voco3d.cli.commands import Commands
from voco3d.cli.options import add_progress_option
from voco3d.cli.progress import show_progress
from voco3d.errors import VoCoError

if TYPE_CHECKING:
    from voco3d.presets import Fault, Report

HELP = "Check the data sets of the paper's downstream tasks, and make their data lists."

PRESETS = ("btcv", "lits", "msd-spleen", "mm-whs", "brats21", "cc-ccii")


def add_to(commands: Commands) -> None:
    """Add ``voco data`` to the commands."""
    parser = commands.add_parser("data", help=HELP, description=HELP)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    check = actions.add_parser(
        "check",
        help="whether a data set is complete",
        description="Say what is there of a data set and what is missing, incomplete or wrong. "
        "With --write, make the data list that `voco finetune --data` takes.",
    )
    _add_check_options(check)
    check.set_defaults(run=run_check)
    stack = actions.add_parser(
        "stack",
        help="make volumes of CC-CCII's folders of slices",
        description="Make a volume of each folder of slices of CC-CCII. Run it again to go on "
        "after a stop.",
    )
    stack.add_argument("folder", type=Path, metavar="FOLDER", help="where the slices lie")
    stack.add_argument("out", type=Path, metavar="OUT", help="folder for the volumes")
    add_progress_option(stack)
    stack.set_defaults(run=run_stack)


def _add_check_options(parser: ArgumentParser) -> None:
    parser.add_argument("preset", choices=PRESETS, metavar="PRESET", help=", ".join(PRESETS))
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the data set lies")
    parser.add_argument(
        "--labels",
        action="store_true",
        help="read the label maps too, for values without a meaning, and compare the images",
    )
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="write the data list, with the authors' split"
    )
    parser.add_argument(
        "--fold", type=int, metavar="N", help="held out, where there are folds (default: 0)"
    )
    parser.add_argument(
        "--test",
        action="store_true",
        help="keep what the authors validate on for a test, and validate on some of the others",
    )
    parser.add_argument(
        "--allow-missing", action="store_true", help="make do with the cases that are complete"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace FILE")
    add_progress_option(parser)


def run_check(arguments: Namespace) -> None:
    """Run ``voco data check``."""
    from voco3d.presets import PRESETS, check, data_list, split
    from voco3d.writing import check_writable, write_aside, write_json

    preset, file = PRESETS[arguments.preset], arguments.write
    if file is None and (arguments.fold is not None or arguments.test):
        raise VoCoError("--fold and --test say what is written: give --write FILE too.")
    if file is not None:
        check_writable(file, arguments.overwrite)
    with show_progress(arguments.progress) as progress:
        report = check(preset, arguments.folder, arguments.labels, progress)
    for line in describe(report):
        print(line)
    if report.faults and not arguments.allow_missing:
        raise VoCoError(
            f"{preset.title} is not complete: see the list above, and mend it or make do with "
            "what is there (--allow-missing)."
        )
    if file is not None:
        parts = split(preset, report.whole, arguments.fold, arguments.test)
        content = data_list(report, parts, file.parent)
        write_aside(file, partial(write_json, values=content))
        print(f"{file}: {', '.join(f'{len(cases)} {part}' for part, cases in parts.items())}")


def run_stack(arguments: Namespace) -> None:
    """Run ``voco data stack``."""
    from voco3d.presets import PRESETS, find_cases, stack

    found = find_cases(PRESETS["cc-ccii"], arguments.folder)
    if not found.layout.slices:
        raise VoCoError(f"The scans in {arguments.folder} are volumes already: check them as such.")
    with show_progress(arguments.progress) as progress:
        for done, case in enumerate(found.cases):
            progress(done, len(found.cases), f"stacking {case.name}")
            stack(case, arguments.out)
        progress(len(found.cases), len(found.cases), "stacked")
    print(f"{arguments.out}: {len(found.cases)} volumes")


def describe(report: "Report") -> list[str]:
    """What there is and what is wrong, a line each kind of fault."""
    preset = report.preset
    lines = [
        f"{preset.title}",
        f"found as {report.layout.example}",
        f"{report.patients} of {preset.count} {preset.unit} complete"
        + (f", {len(report.whole)} scans" if preset.categories else ""),
    ]
    for kind, faults in groupby(sorted(report.faults, key=_kind), _kind):
        listed = [f"{f.case} ({f.detail})" if f.detail else f.case for f in faults]
        lines.append(f"{kind} ({len(listed)}): {', '.join(listed)}")
    return lines


def _kind(fault: "Fault") -> str:
    return fault.kind
