"""The authors' weights, from a server on this computer or from a file; never from the network."""

import functools
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from Testing import harness
from Testing.slicer.window.driver import Driver, shown
from voco3d.models import read_model
from VoCoSlicerLib.models import download, releases


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server on this computer: its address, and the folder it shows."""
    folder = tmp_path / "server"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_arguments: Any) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", folder
        running.shutdown()


@pytest.fixture
def place(server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that stands for the authors' page."""
    address, folder = server
    monkeypatch.setattr(releases, "PLACE", address)
    (folder / "resolve/main").mkdir(parents=True)
    return folder / "resolve/main"


@pytest.fixture
def checkpoint(model_folder: Path) -> dict[str, torch.Tensor]:
    """Weights of a small network with two structures, as a training script saves them."""
    network, _report = read_model(model_folder).load()
    return {"state_dict": network.state_dict()}


def test_after_a_yes_they_are_downloaded_and_become_a_model(
    window: Driver, models: Path, place: Path, checkpoint: dict
) -> None:
    torch.save(checkpoint, place / "VoComni_B.pt")
    window.choose_model("VoComni_B")
    harness.dialogs.answer("Yes")
    window.ui.downloadButton.click()
    assert shown(window.ui.downloadWidget)
    harness.wait(lambda: not shown(window.ui.downloadWidget), 120)
    assert window.message == "VoComni_B is ready.", window.message
    assert window.ui.modelComboBox.currentText == "VoComni_B"
    assert list(window.structures()) == ["class 1", "class 2"]
    assert sorted(path.name for path in models.iterdir()) == ["VoComni_B"]
    assert not any((models.parent / "downloads").iterdir()), "the file is removed"


def test_a_file_is_taken_on_a_machine_without_a_network(
    window: Driver, models: Path, tmp_path: Path, checkpoint: dict
) -> None:
    torch.save(checkpoint, tmp_path / "copied.pt")
    window.choose_model("VoComni_L")
    harness.dialogs.answer("Yes", str(tmp_path / "copied.pt"))
    window.ui.importButton.click()
    harness.wait(lambda: not window.loaded.widget.window.models.fetching, 120)
    assert window.message == "VoComni_L is ready.", window.message
    assert (tmp_path / "copied.pt").is_file(), "the user's file stays"


def test_a_file_that_does_not_fit_says_why(window: Driver, models: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong.pt").write_text("no weights")
    window.choose_model("VoComni_B")
    harness.dialogs.answer("Yes", str(tmp_path / "wrong.pt"))
    window.ui.importButton.click()
    harness.wait(lambda: not window.loaded.widget.window.models.fetching, 120)
    assert window.message.startswith("VoComni_B is not there: "), window.message
    assert "Traceback" not in window.message
    assert not any(models.iterdir())
    assert shown(window.ui.downloadButton), "one can try again"


def test_a_page_that_is_not_there_says_so(window: Driver, models: Path, place: Path) -> None:
    window.choose_model("VoComni_B")
    harness.dialogs.answer("Yes")
    window.ui.downloadButton.click()
    harness.wait(lambda: not window.loaded.widget.window.models.fetching, 60)
    assert "The download failed: " in window.message
    assert not any(models.iterdir())


def test_a_download_is_cancelled(window: Driver, models: Path, place: Path) -> None:
    (place / "VoComni_B.pt").write_bytes(os.urandom(64 << 20))
    window.choose_model("VoComni_B")
    harness.dialogs.answer("Yes")
    window.ui.downloadButton.click()
    window.ui.cancelDownloadButton.click()
    assert not shown(window.ui.downloadWidget)
    assert shown(window.ui.downloadButton)
    assert not any(models.iterdir())
    assert not any((models.parent / "downloads").iterdir())


def run_download(address: str, file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, download.__file__, address, str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_download_tells_how_far_it_is(server: tuple[str, Path], tmp_path: Path) -> None:
    address, folder = server
    content = os.urandom((2 << 20) + 5)
    (folder / "file").write_bytes(content)
    done = run_download(f"{address}/file", tmp_path / "got")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "got").read_bytes() == content
    lines = [list(map(int, line.split())) for line in done.stdout.splitlines()]
    assert lines[-1] == [len(content)] * 2
    assert len(lines) == 3


def test_a_download_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    class Liar(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"short")

        def log_message(self, *_arguments: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = run_download(f"http://127.0.0.1:{server.server_port}/x", tmp_path / "got")
        server.shutdown()
    assert done.returncode == 1
    assert "5 of 1000 bytes" in done.stderr or "IncompleteRead" in done.stderr
    assert not (tmp_path / "got").exists()
    assert not list(tmp_path.glob("*.part"))
