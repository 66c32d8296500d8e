"""A comparison, from its options to its table."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from voco3d.compare.claims import claim, owner_of
from voco3d.compare.config import CompareConfig
from voco3d.compare.config_file import read_config, write_config
from voco3d.compare.leaks import leak_warnings
from voco3d.compare.plan import PlannedRun, plan
from voco3d.compare.results import is_finished, read_result, write_result
from voco3d.compare.scoring import evaluate_cases, judged_part
from voco3d.compare.subsets import to_json, with_labels
from voco3d.compare.table_files import TABLE, write_table
from voco3d.errors import VoCoError
from voco3d.finetuning.config import FinetuneConfig
from voco3d.finetuning.data_list import Case, DataList, Part, read_data_list
from voco3d.finetuning.network import build_start
from voco3d.finetuning.training import finetune
from voco3d.finetuning.training import resume as resume_run
from voco3d.inference import Segmenter
from voco3d.metrics.pairing import listed
from voco3d.models.catalogue import model_folders
from voco3d.progress import Progress, silent
from voco3d.training.run_folder import is_run
from voco3d.writing import write_aside, write_json

CONFIG, RUNS, DATA, STORE = "config.yaml", "runs", "dataset.json", "cases"
"""What lies in a comparison's folder, besides its table; the data list is in each run's."""

Say = Callable[[str], None]


def compare(
    config: CompareConfig, data: Path, out: Path, say: Say = print, progress: Progress = silent
) -> Path:
    """Do all runs of a table that are not done yet, one after the other, and write it.

    The table is written after every run. Several processes may work on one folder: each run is
    done by one of them. More initialisations, numbers of cases and seeds may be asked for later:
    the runs that are there stay.

    Args:
        config: All options.
        data: The data list, ``dataset.json``.
        out: Folder of the comparison.
        say: Is told what one should know of the runs.
        progress: Told of the runs, and of the steps of each.

    Returns:
        The table as Markdown; ``.csv`` and ``.png`` lie beside it.

    Raises:
        VoCoError: If the options, the data and the initialisations do not go together, or other
            ones than those that ``out`` was made with; or runs failed: then the others are done.
        Interrupted: If a signal ended a run; the comparison can be resumed.
    """
    config = _absolute(config)
    _check_same_options(config, data, out)
    table = _prepare(config, data, out)
    for warning in table.leaks.values():
        say(f"warning: {warning}")
    failed = _work_off(table, say, progress)
    table.write()
    _conclude(table, failed, say)
    return out / TABLE


def resume(out: Path, say: Say = print, progress: Progress = silent) -> Path:
    """Go on with a comparison; see ``compare``."""
    data, config = read_config(out / CONFIG)
    return compare(config, data, out, say, progress)


def rewrite_table(out: Path) -> Path:
    """Write the table of the runs that are finished; see ``compare``.

    Raises:
        VoCoError: If ``out`` holds no comparison, or an evaluation is damaged.
    """
    data, config = read_config(out / CONFIG)
    content = read_data_list(data)
    part = judged_part(content, config.finetune)
    runs = plan(config, len(content.cases["training"]))
    table = _Table(config, content, part, runs, out, {})
    if not table.finished:
        raise VoCoError(f"No run of {out} is finished yet: go on by `voco compare --resume {out}`.")
    table.write()
    return out / TABLE


def _work_off(table: "_Table", say: Say, progress: Progress) -> dict[PlannedRun, VoCoError]:
    """Do runs until each is finished, has failed or is another process's; return the failed ones.

    After each round there is another, as another process may have left a run.
    """
    failed: dict[PlannedRun, VoCoError] = {}
    found = True
    while found:
        found = False
        for run in table.runs:
            if run in failed or table.is_finished(run):
                continue
            with claim(table.claim_of(run)) as own:
                if not own or table.is_finished(run):
                    continue
                found = True
                done, total = len(table.finished), len(table.runs)
                say(f"{run.name} ({done} of {total} runs are finished)")
                progress(done, total, run.name)
                try:
                    table.do(run, say, progress)
                except VoCoError as error:
                    say(f"{run.name} failed: {error}")
                    failed[run] = error
            table.write()
    return failed


@dataclass(frozen=True)
class _Table:
    """What a comparison is made of."""

    config: CompareConfig
    data: DataList
    part: Part
    runs: list[PlannedRun]
    out: Path
    leaks: dict[str, str]

    @property
    def judged(self) -> tuple[Case, ...]:
        """The cases that all runs are judged on."""
        return self.data.cases[self.part]

    def folder(self, run: PlannedRun) -> Path:
        return self.out / RUNS / run.name

    def claim_of(self, run: PlannedRun) -> Path:
        return self.out / RUNS / f"{run.name}.claim"

    def is_finished(self, run: PlannedRun) -> bool:
        return is_finished(self.folder(run))

    @property
    def finished(self) -> list[PlannedRun]:
        return [run for run in self.runs if self.is_finished(run)]

    def options(self, run: PlannedRun) -> FinetuneConfig:
        config = self.config.finetune
        store = config.store or str((self.out / STORE).absolute())
        init = self.config.initialisations[run.initialisation]
        return replace(config, init=init, seed=run.seed, store=store)

    def do(self, run: PlannedRun, say: Say, progress: Progress) -> None:
        """Train a run, or go on with it, and judge its model."""
        folder = self.folder(run)

        def report(done: int, total: int, what: str) -> None:
            progress(done, total, f"{run.name}: {what}")

        if is_run(folder):
            model = resume_run(folder, say, report)
        else:
            model = finetune(self.options(run), folder / DATA, folder, say, report)
        segmenter = Segmenter(model, self.config.finetune.compute.device)
        evaluation = evaluate_cases(segmenter, self.judged, self.data, report)
        write_result(folder, run, evaluation, self.part, self.leaks.get(run.initialisation, ""))

    def write(self) -> None:
        """Write the table of what is finished; again if another process has finished a run."""
        written = -1
        while (finished := self.finished) and len(finished) != written:
            written = len(finished)
            results = [read_result(self.folder(run), run) for run in finished]
            write_table(self.out, self.config, self.runs, results)


def _prepare(config: CompareConfig, data: Path, out: Path) -> _Table:
    """Check that all goes together, and write down what each run is made of."""
    content = read_data_list(data)
    part = judged_part(content, config.finetune)
    runs = plan(config, len(content.cases["training"]))
    _check_initialisations(config, content)
    images = [image for case in content.cases[part] for image in case.images]
    leaks = leak_warnings(config.initialisations, images, config.strict)
    table = _Table(config, content, part, runs, out, leaks)
    for run in runs:
        folder = table.folder(run)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise VoCoError(f"The folder {folder} cannot be made: {error.strerror}.") from error
        _write_data_list(folder / DATA, with_labels(content, run.labels, run.seed), data)
    write_config(out / CONFIG, data, config)
    return table


def _absolute(config: CompareConfig) -> CompareConfig:
    """Paths of initialisations so that they hold in any working folder."""
    known = model_folders()
    return replace(
        config,
        initialisations={
            name: init if init is None or init in known else str(Path(init).absolute())
            for name, init in config.initialisations.items()
        },
    )


def _check_same_options(config: CompareConfig, data: Path, out: Path) -> None:
    """Refuse a folder whose runs are others than those of the same name would be now."""
    if not (out / CONFIG).is_file():
        return
    known_data, known = read_config(out / CONFIG)
    ours, theirs = (_flat(each.to_plain()["finetune"], "finetune.") for each in (config, known))
    other = [key for key in ours if ours[key] != theirs.get(key)]
    other += [
        f"initialisations.{name}"
        for name, init in config.initialisations.items()
        if known.initialisations.get(name, init) != init
    ]
    if known_data.absolute() != data.absolute():
        other.append("data")
    if other:
        raise VoCoError(
            f"{out} holds a comparison with other options ({listed(other)}): go on with it by "
            f"`voco compare --resume {out}`, or name another folder."
        )


def _flat(options: dict[str, object], prefix: str) -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in options.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _check_initialisations(config: CompareConfig, data: DataList) -> None:
    """Refuse, before the first run, weights that do not fit the network of all runs."""
    if config.finetune.task != "segmentation" or data.categories:
        raise VoCoError(
            "A comparison is of segmentations, not of classifications: set finetune.task to "
            f"segmentation, and name a data list with labels instead of {data.path}."
        )
    outputs = len(data.structures) + (not data.overlapping)
    for name, init in config.initialisations.items():
        try:
            build_start(replace(config.finetune, init=init), data.channels, outputs)
        except VoCoError as error:
            raise VoCoError(f"The initialisation {name} cannot be used: {error}") from error


def _write_data_list(path: Path, content: DataList, data: Path) -> None:
    """Write a run's data list, or see that it is the one that is there."""
    values = json.loads(json.dumps(to_json(content)))
    if not path.is_file():
        write_aside(path, partial(write_json, values=values))
    elif json.loads(path.read_text(encoding="utf-8")) != values:
        raise VoCoError(
            f"{path} has other cases than {data} would give it now: name another folder, as runs "
            "with other cases do not belong into one table."
        )


def _conclude(table: _Table, failed: dict[PlannedRun, VoCoError], say: Say) -> None:
    """Say why runs are not done."""
    for run in table.runs:
        owner = owner_of(table.claim_of(run))
        if owner and run not in failed:
            say(
                f"{run.name} is left to the process {owner}; if that has ended, remove "
                f"{table.claim_of(run)} and go on with `voco compare --resume {table.out}`."
            )
    if failed:
        run, error = next(iter(failed.items()))
        raise VoCoError(
            f"{len(failed)} of {len(table.runs)} runs failed, {run.name} for this reason: {error}"
        )
