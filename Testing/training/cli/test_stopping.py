"""Ctrl-C and SIGTERM: the command ends in time, with the right exit code, and leaves nothing."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import SimpleITK as sitk

from voco3d.cli.stopping import STOPPED, Stopped, stop_on_signals
from voco3d.phantom import Phantom

SIGNALS = (signal.SIGINT, signal.SIGTERM)
ALLOWED = 3.0
"""Seconds: two, and one for a machine that is busy with other things."""


@pytest.fixture
def start() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts Python with some arguments; ends it after the test, whatever became of it."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str | Path) -> "subprocess.Popen[str]":
        command = [sys.executable, *map(str, arguments)]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def segment(
    phantom: Phantom, model_folder: Path, tmp_path: Path
) -> tuple[tuple[str | Path, ...], Path]:
    """The arguments of a segmentation that takes long, and its output folder."""
    sitk.WriteImage(phantom.image, str(tmp_path / "ct.nrrd"))
    out = tmp_path / "out"
    out.mkdir()
    options = ("--model", model_folder, "--overlap", "0.9", "--progress", "json")
    command = ("-m", "voco3d.cli", "segment", tmp_path / "ct.nrrd", out / "r.seg.nrrd")
    return (*command, *options), out


def lines_until(stream: Iterator[str], wanted: Callable[[str], bool]) -> None:
    """Read a stream to the first line that is wanted."""
    lines = []
    for line in stream:
        if wanted(line):
            return
        lines.append(line)
    pytest.fail(f"the process ended too early: {''.join(lines)[-2000:]}")


def stop(process: "subprocess.Popen[str]", number: int) -> str:
    """Send a signal; check time and exit code; return the rest of the standard error."""
    process.send_signal(number)
    sent = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - sent < ALLOWED
    assert process.returncode == 128 + number
    return err


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("module", ["SimpleITK", "torch", "monai"])
def test_stopped_while_importing(start, segment, number, module):
    arguments, out = segment
    process = start("-X", "importtime", *arguments)
    lines_until(process.stderr, lambda line: f"{module}." in line)
    err = stop(process, number)
    said = [line for line in err.splitlines() if not line.startswith("import time:")]
    assert said == [STOPPED]
    assert not list(out.iterdir())


@pytest.mark.parametrize("number", SIGNALS)
def test_stopped_between_windows(start, segment, number):
    arguments, out = segment
    process = start(*arguments)
    lines_until(process.stderr, lambda line: '"done": 2,' in line)
    progress, _, last = stop(process, number).removesuffix("\n").rpartition("\n")
    assert last == STOPPED
    for line in map(json.loads, progress.splitlines()):
        assert line["done"] < line["total"]
    assert not list(out.iterdir())


STUCK = """
import sys
from hashlib import pbkdf2_hmac
from pathlib import Path
from threading import Timer
from voco3d.cli.stopping import cleaning_up, stop_on_signals
from voco3d.writing import discard, write_aside

def write(part):
    part.write_bytes(b"half")
    Timer(0.3, print, ["stuck"], {"flush": True}).start()
    pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)

path = Path(sys.argv[1])
with stop_on_signals(), cleaning_up(lambda: discard(path)):
    write_aside(path, write)
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_stopped_where_python_cannot_react(start, tmp_path, number):
    out = tmp_path / "out"
    out.mkdir()
    process = start("-c", STUCK, out / "r.nrrd")
    lines_until(process.stdout, lambda line: line == "stuck\n")
    assert [file.read_bytes() for file in out.iterdir()] == [b"half"]
    assert stop(process, number) == f"{STOPPED}\n"
    assert not list(out.iterdir())


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_does_not_disturb_the_clearing_up(number):
    cleared = []
    before = [signal.getsignal(each) for each in SIGNALS]

    def work() -> None:
        with stop_on_signals():
            try:
                signal.raise_signal(number)
            finally:
                for each in SIGNALS:
                    signal.raise_signal(each)
                    cleared.append(each)

    with pytest.raises(Stopped) as stopped:
        work()
    assert cleared == [*SIGNALS]
    assert stopped.value.exit_code == 128 + number
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_what_fails_after_a_signal_counts_as_stopped():
    def work() -> None:
        with stop_on_signals():
            try:
                signal.raise_signal(signal.SIGTERM)
            except BaseException:
                raise ImportError("half of a module") from None

    with pytest.raises(Stopped) as stopped:
        work()
    assert stopped.value.exit_code == 143


def test_other_errors_stay_what_they_are():
    def work() -> None:
        with stop_on_signals():
            raise ImportError("a bug")

    with pytest.raises(ImportError, match="a bug"):
        work()


SWALLOWED = """
import sys, time
from voco3d.cli.stopping import stop_on_signals

class Closing:
    def __del__(self):
        print("closing", flush=True)
        time.sleep(60)

with stop_on_signals():
    Closing()
    time.sleep(60)
"""


def test_stopped_where_python_drops_exceptions(start):
    process = start("-c", SWALLOWED)
    lines_until(process.stdout, lambda line: line == "closing\n")
    assert stop(process, signal.SIGINT) == f"{STOPPED}\n"


def test_signals_are_as_before_when_nothing_happened():
    before = [signal.getsignal(each) for each in SIGNALS]
    with stop_on_signals():
        assert [signal.getsignal(each) for each in SIGNALS] != before
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_a_cleanup_is_forgotten_after_its_block(start, tmp_path):
    kept = tmp_path / "kept"
    kept.write_text("a result")
    script = STUCK.replace(
        "path = Path", f"with cleaning_up(Path({str(kept)!r}).unlink): pass\npath = Path"
    )
    process = start("-c", script, tmp_path / "r.nrrd")
    lines_until(process.stdout, lambda line: line == "stuck\n")
    stop(process, signal.SIGTERM)
    assert [file.name for file in tmp_path.iterdir()] == ["kept"]
