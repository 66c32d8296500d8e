"""A whole comparison, interrupted in every way, by one process or two."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from Testing.training.compare.small_table import FINETUNE, config_of, write_cases, write_encoder
from voco3d.compare.comparison import compare, resume, rewrite_table
from voco3d.compare.config_file import write_config
from voco3d.compare.leaks import leak_warnings
from voco3d.data.cache.sources import sha256
from voco3d.errors import VoCoError
from voco3d.finetuning.config import Validation
from voco3d.finetuning.data_list import read_data_list
from voco3d.models import find_model

RUNS = [
    f"{name}-{labels}-{seed}" for seed in (0, 1) for labels in (1, 2) for name in ("none", "voco")
]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_cases(tmp_path_factory.mktemp("data") / "cases")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("models") / "voco", images=["0" * 16])


@pytest.fixture(scope="module")
def config(encoder):
    """Two initialisations x two numbers of cases x two seeds."""
    return config_of(initialisations={"none": None, "voco": str(encoder)}, seeds=2)


@pytest.fixture(scope="module")
def whole(data, config, tmp_path_factory) -> Path:
    """The folder of a comparison that nothing interrupted."""
    out = tmp_path_factory.mktemp("tables") / "whole"
    said: list[str] = []
    assert compare(config, data, out, said.append) == out / "table.md"
    assert [line.split(" (")[0] for line in said if "runs are finished" in line] == RUNS
    return out


@pytest.fixture
def copy(whole, tmp_path) -> Path:
    """A copy whose runs still are where their options say."""
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def rows(out: Path) -> list[dict[str, str]]:
    """The table without what differs between two computations of the same."""
    with (out / "table.csv").open() as file:
        return [{**row, "minutes": ""} for row in csv.DictReader(file)]


def assert_same_table(one: list[dict[str, str]], other: list[dict[str, str]]) -> None:
    """But for a few voxels: another process may round differently."""
    for first, second in zip(one, other, strict=True):
        for key, value in first.items():
            if key.startswith("dice"):
                assert float(value) == pytest.approx(float(second[key]), abs=2e-3)
            else:
                assert value == second[key]


def times(out: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (out / "runs").rglob("*") if path.is_file()}


def test_every_run_is_there_and_leaves_a_model_and_its_evaluation(whole):
    folders = sorted(path.name for path in (whole / "runs").iterdir())
    assert folders == sorted(RUNS)
    table = rows(whole)
    assert [f"{r['initialisation']}-{r['labels']}-{r['seed']}" for r in table] == RUNS
    for row, name in zip(table, RUNS, strict=True):
        evaluation = json.loads((whole / "runs" / name / "test" / "evaluation.json").read_text())
        assert {case["case"] for case in evaluation["cases"]} == {"case4", "case5"}
        overall = evaluation["summary"][-1]
        assert overall["structure"] == "mean of structures"
        assert row["dice"] == f"{overall['dice']:.4f}"
        assert row["steps"] == "2"
        model = find_model(whole / "runs" / name / "model")
        assert [structure.name for structure in model.structures] == [
            "right lung",
            "left lung",
            "liver",
        ]


def test_the_runs_of_a_seed_have_the_same_cases_whatever_they_start_from(whole, data):
    lists = {name: read_data_list(whole / "runs" / name / "dataset.json").cases for name in RUNS}
    for seed in (0, 1):
        few = lists[f"none-1-{seed}"]["training"]
        many = lists[f"none-2-{seed}"]["training"]
        assert (len(few), len(many)) == (1, 2)
        assert set(few) < set(many) < set(read_data_list(data).cases["training"])
        for labels in (1, 2):
            assert lists[f"none-{labels}-{seed}"] == lists[f"voco-{labels}-{seed}"]


def test_only_the_initialisation_differs_between_the_runs_of_a_seed(whole):
    none, voco = (whole / "runs" / f"{name}-2-1" / "config.yaml" for name in ("none", "voco"))
    differing = set(none.read_text().splitlines()) ^ set(voco.read_text().splitlines())
    assert {line.split(":")[0] for line in differing} == {"init", "data"}
    assert "seed: 1" in none.read_text().splitlines()


def test_the_table_says_what_was_measured(whole):
    text = (whole / "table.md").read_text()
    assert "on the 2 test cases" in text
    assert "2 steps a run; 8 of 8 runs are finished." in text
    assert "(right lung, left lung, liver)" in text
    assert "Warning" not in text
    assert (whole / "table.png").read_bytes().startswith(b"\x89PNG")


def test_finished_runs_are_left_as_they_are(whole):
    before = times(whole)
    said: list[str] = []
    resume(whole, said.append)
    assert not said
    assert times(whole) == before


def test_the_table_alone_is_written_anew(copy):
    table = (copy / "table.md").read_text()
    for name in ("table.md", "table.csv", "table.png"):
        (copy / name).unlink()
    assert rewrite_table(copy) == copy / "table.md"
    assert (copy / "table.md").read_text() == table
    shutil.rmtree(copy / "runs" / "voco-1-0" / "test")
    rewrite_table(copy)
    assert "7 of 8 runs are finished." in (copy / "table.md").read_text()


def test_it_can_be_extended(copy, config, data, whole):
    """With a further number of cases; what is there stays, and is the same."""
    before = times(copy)
    compare(replace(config, labels=[1, 2, "all"]), data, copy, lambda text: None)
    assert {path: time for path, time in times(copy).items() if path in before} == before
    added = [row for row in rows(copy) if row not in rows(whole)]
    assert {(row["initialisation"], row["labels"], row["seed"]) for row in added} == {
        ("none", "3", "0"),
        ("voco", "3", "0"),
    }


WITH_SIGNAL = """
import os, signal, sys
from voco3d.cli import main
from voco3d.finetuning.module import SegmentationModule

train, calls = SegmentationModule.training_step, 0

def training_step(self, batch, batch_idx):
    global calls
    calls += 1
    if calls == 4:  # the second step of the second run
        os.kill(os.getpid(), getattr(signal, sys.argv[1]))
    return train(self, batch, batch_idx)

SegmentationModule.training_step = training_step
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize(("name", "code"), [("SIGKILL", -9), ("SIGINT", 130)])
def test_an_interrupted_run_goes_on_and_ends_up_the_same(name, code, whole, config, data, tmp_path):
    options, out = tmp_path / "options.yaml", tmp_path / "table"
    write_config(options, data, replace(config, labels=[1], seeds=1))
    command = [sys.executable, "-c", WITH_SIGNAL, name, "compare", "--config", str(options)]
    ended = subprocess.run([*command, "--out", str(out)], capture_output=True, text=True)
    assert ended.returncode == code, ended.stderr
    assert_same_table(rows(out), rows(whole)[:1])
    claims = [path.name for path in (out / "runs").glob("*.claim")]
    if name == "SIGINT":
        assert f"go on with `voco compare --resume {out}`" in ended.stdout
        assert not claims
    else:
        assert claims == ["voco-1-0.claim"]
    before = times(out)
    said: list[str] = []
    resume(out, said.append)
    assert said[-1] == "voco-1-0 (1 of 2 runs are finished)"
    kept = {path: time for path, time in before.items() if "none-1-0" in path.parts}
    assert kept.items() <= times(out).items()
    assert_same_table(rows(out), rows(whole)[:2])
    assert not list((out / "runs").glob("*.claim"))


def test_two_processes_share_the_runs(whole, config, data, tmp_path):
    options, out = tmp_path / "options.yaml", tmp_path / "table"
    write_config(options, data, replace(config, seeds=1))
    command = [sys.executable, "-m", "voco3d.cli", "compare", "--config", str(options), "--out"]
    processes = []
    for number in (1, 2):  # the first waits in its first run until the second has one too
        processes.append(subprocess.Popen([*command, str(out)], stdout=subprocess.PIPE, text=True))
        while len(list(out.glob("runs/*.claim"))) < number and processes[-1].poll() is None:
            time.sleep(0.01)
        processes[0].send_signal(signal.SIGSTOP if number == 1 else signal.SIGCONT)
    said = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    done = [
        [line.split(" (")[0] for line in text.splitlines() if "runs are finished" in line]
        for text in said
    ]
    assert sorted(done[0] + done[1]) == sorted(RUNS[:4])
    assert all(done)
    assert_same_table(rows(out), rows(whole)[:4])


def test_a_run_that_fails_does_not_keep_the_others_from_being_done(whole, config, data, tmp_path):
    out = tmp_path / "table"
    shutil.copytree(whole, out)
    for name in ("none-2-0", "voco-2-1"):
        shutil.rmtree(out / "runs" / name / "test")
    run = out / "runs" / "none-2-0"
    for name in ("last.ckpt", "previous.ckpt"):
        (run / "checkpoints" / name).write_bytes(b"damaged")
    said: list[str] = []
    with pytest.raises(VoCoError, match="1 of 8 runs failed, none-2-0 for this reason: The check"):
        resume(out, said.append)
    assert any(line.startswith("none-2-0 failed: ") for line in said)
    assert len(rows(out)) == 7


def test_a_run_of_a_process_elsewhere_is_left_to_it(copy):
    shutil.rmtree(copy / "runs" / "voco-2-0" / "test")
    claim = copy / "runs" / "voco-2-0.claim"
    claim.mkdir()
    (claim / "17@elsewhere").touch()
    said: list[str] = []
    resume(copy, said.append)
    assert said == [
        f"voco-2-0 is left to the process 17@elsewhere; if that has ended, remove {claim} and go "
        f"on with `voco compare --resume {copy}`."
    ]


@pytest.mark.parametrize("kind", ["finetune", "initialisation", "data", "cases"])
def test_other_options_than_those_of_the_folder_are_refused(kind, copy, config, data, tmp_path):
    other = write_cases(tmp_path / "other", training=2) if kind == "data" else data
    if kind == "finetune":
        config = replace(
            config,
            finetune=replace(
                FINETUNE, optimisation=replace(FINETUNE.optimisation, learning_rate=2e-3)
            ),
        )
        message = r"other options \(finetune.optimisation.learning_rate\)"
    elif kind == "initialisation":
        config = replace(config, initialisations={"none": None, "voco": "headneck-oar"})
        message = r"other options \(initialisations.voco\)"
    elif kind == "data":
        message = r"other options \(data\)"
    else:
        listing = copy / "runs" / "none-2-1" / "dataset.json"
        content = json.loads(listing.read_text())
        content["training"].reverse()
        listing.write_text(json.dumps(content))
        message = "has other cases than"
    before = times(copy)
    with pytest.raises(VoCoError, match=message):
        compare(config, other, copy)
    assert times(copy) == before


def test_without_test_cases_validation_counts_only_if_it_chose_nothing(tmp_path):
    data = write_cases(tmp_path / "cases", test=0)
    config = config_of(labels=[1])
    with pytest.raises(VoCoError, match="no labelled test cases .* set finetune.validation.every"):
        compare(config, data, tmp_path / "table")
    assert not (tmp_path / "table").exists()
    unwatched = replace(FINETUNE, validation=Validation(every=0, log_every=1))
    table = compare(replace(config, finetune=unwatched), data, tmp_path / "table")
    assert "on the 1 validation case" in table.read_text()


def test_weights_of_another_network_are_refused_before_the_first_run(data, tmp_path):
    other = write_encoder(tmp_path / "other", filters=[4, 8, 16])
    config = config_of(initialisations={"none": None, "voco": str(other)})
    with pytest.raises(VoCoError, match="The initialisation voco cannot be used: The file does"):
        compare(config, data, tmp_path / "table")
    assert not (tmp_path / "table").exists()


def test_leaks_are_said_in_the_table_or_refused(data, tmp_path):
    test = read_data_list(data).cases["test"][1].images[0]
    encoder = write_encoder(tmp_path / "seen", [sha256(test)[:16]])
    config = config_of(initialisations={"seen": str(encoder)}, labels=[1])
    warning = "seen was trained on 1 of the 2 images that it is judged on (case5.nii.gz)"
    with pytest.raises(VoCoError) as refused:
        compare(replace(config, strict=True), data, tmp_path / "table")
    assert str(refused.value).startswith(f"Refused, since {warning}: ")
    assert not (tmp_path / "table").exists()
    said: list[str] = []
    table = compare(config, data, tmp_path / "table", said.append)
    assert said[0] == f"warning: {warning}"
    assert f"**Warning:** {warning}." in table.read_text()
    rewrite_table(tmp_path / "table")
    assert f"**Warning:** {warning}." in table.read_text()


def test_random_weights_know_nothing_and_silence_is_no_innocence(data, tmp_path):
    images = [case.images[0] for case in read_data_list(data).cases["test"]]
    models = {
        "none": None,
        "new": str(write_encoder(tmp_path / "new", ["0" * 16])),
        "silent": str(write_encoder(tmp_path / "silent")),
    }
    assert leak_warnings(models, images, strict=False) == {
        "silent": "silent does not state what it was trained on"
    }
