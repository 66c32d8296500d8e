"""What Slicer's Python lacks is installed after a yes, and nothing of Slicer's own is touched."""

import importlib.metadata
import os
import subprocess
import sys
import types
from contextlib import contextmanager
from pathlib import Path
from subprocess import CalledProcessError
from urllib.request import url2pathname

import pytest
import slicer

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.worker import setup
from VoCoSlicerLib.worker.setup import TORCH, missing_packages, set_up

WANTED = [TORCH, "monai>=1.5", "rich>=13"]


class Slicer:
    """Slicer's Python: what is installed in it, and what was done to it."""

    def __init__(self) -> None:
        self.installed: dict[str, str] = {"numpy": "2.1.3", "SimpleITK": "2.5.0.dev3+gabc"}
        self.events: list[str] = []
        self.constraints: list[str] = []
        self.error: Exception | None = None
        self.answer = True
        self.torch: object = types.SimpleNamespace()

    def version(self, name: str) -> str:
        if name not in self.installed:
            raise importlib.metadata.PackageNotFoundError(name)
        return self.installed[name]

    def confirm(self, question: str) -> bool:
        self.events.append("asked")
        self.question = question
        return self.answer

    def show(self, text: str) -> None:
        self.events.append(text)

    def pip_ensure(self, requirements: list[str], **named: object) -> None:
        self.events.append(f"pip {' '.join(requirements)}")
        self.named = named
        self.constraints.append(Path(str(named["constraints"])).read_text())
        if self.error is not None:
            raise self.error
        self.installed |= {requirement.split(">=")[0]: "99" for requirement in requirements}

    def install_torch(self, **named: object) -> object:
        self.events.append("torch")
        self.torch_named = named
        address = os.environ["PIP_CONSTRAINT"]
        assert " " not in address
        self.constraints.append(Path(url2pathname(address.removeprefix("file://"))).read_text())
        if self.torch is not None:
            self.installed["torch"] = "2.9.0+cu128"
        return self.torch

    @contextmanager
    def console(self):
        self.events.append("console shown")
        yield
        self.events.append("console as before")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Slicer:
    machine = Slicer()
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("# A comment\n\n" + "\n".join(WANTED[1:]) + "\n")
    monkeypatch.setattr(setup, "REQUIREMENTS_FILE", requirements)
    monkeypatch.setattr(importlib.metadata, "version", machine.version)
    monkeypatch.setattr(slicer.packaging, "pip_ensure", machine.pip_ensure)
    monkeypatch.setattr(slicer.util, "displayPythonShell", machine.console)
    folder = tmp_path / "a folder with spaces"
    folder.mkdir()
    monkeypatch.setattr(setup.tempfile, "tempdir", str(folder))
    torch_utils = types.ModuleType("PyTorchUtils")
    logic = types.SimpleNamespace(installTorch=machine.install_torch)
    torch_utils.PyTorchUtilsLogic = lambda: logic
    monkeypatch.setitem(sys.modules, "PyTorchUtils", torch_utils)
    monkeypatch.delenv("PIP_CONSTRAINT", raising=False)
    return machine


def test_what_is_missing_is_known_without_importing_it(machine: Slicer):
    assert missing_packages() == WANTED
    machine.installed |= {"torch": "2.5.1", "monai": "1.5.0", "rich": "13.0.0rc1"}
    assert missing_packages() == [TORCH, "rich>=13"]
    machine.installed |= {"torch": "2.13.0+cpu", "rich": "14"}
    assert missing_packages() == []
    machine.installed["torch"] = "2.14.0.dev20260101+cu128"  # the user's own choice
    assert missing_packages() == []


def test_everything_is_installed_after_a_yes(machine: Slicer):
    assert set_up(machine.confirm, machine.show)
    asked, *rest = machine.events
    assert asked == "asked"
    assert all(f"- {requirement}\n" in machine.question for requirement in WANTED)
    assert rest == [
        "Installing PyTorch: this takes some minutes.",
        "console shown",
        "torch",
        "console as before",
        "Installing monai>=1.5, rich>=13.",
        "pip monai>=1.5 rich>=13",
        "Everything is installed.",
    ]
    assert machine.torch_named == {"askConfirmation": False, "torchVersionRequirement": ">=2.6"}
    assert machine.named["prompt_install"] is False
    assert machine.named["requester"] == "VoCo"


def test_a_ready_slicer_is_left_alone(machine: Slicer):
    machine.installed |= {"torch": "2.6", "monai": "1.6", "rich": "15"}
    assert set_up(machine.confirm, machine.show)
    assert machine.events == []


def test_a_no_changes_nothing(machine: Slicer):
    machine.answer = False
    assert not set_up(machine.confirm, machine.show)
    assert machine.events == ["asked"]


def test_torch_that_is_there_is_not_installed_again(machine: Slicer, monkeypatch):
    machine.installed["torch"] = "2.8"
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    assert set_up(machine.confirm, machine.show)
    assert "torch" not in machine.events


def test_pip_is_told_to_keep_what_slicer_ships(machine: Slicer, monkeypatch):
    """Both pips, also where pip does not know of a package that Slicer has built itself."""
    found = {"vtk": object(), "scipy": None, "pydicom": None}
    monkeypatch.setattr(setup.importlib.util, "find_spec", found.get)
    set_up(machine.confirm, machine.show)
    assert len(machine.constraints) == 2
    for constraints in machine.constraints:
        assert set(constraints.splitlines()) == {
            "numpy==2.1.3",
            "SimpleITK==2.5.0.dev3+gabc",
            "vtk<0",
        }
    assert {"numpy", "SimpleITK", "vtk"} <= set(setup.SHIPPED)


def test_pip_obeys_these_constraints(tmp_path: Path):
    """No network: pip says what it would do to this environment's numpy."""
    folder = tmp_path / "with spaces"
    folder.mkdir()
    numpy = importlib.metadata.version("numpy")
    (folder / "c.txt").write_text(f"numpy=={numpy}\nvtk<0\n")
    pip = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index"]
    environment = {**os.environ, "PIP_CONSTRAINT": (folder / "c.txt").as_uri()}

    def install(requirement: str) -> str:
        done = subprocess.run(
            [*pip, requirement], env=environment, capture_output=True, text=True, timeout=60
        )
        return done.stdout + done.stderr

    assert "already satisfied" in install("numpy>=1")
    assert "ResolutionImpossible" in install("numpy<2")
    assert "ResolutionImpossible" in install("vtk")


def test_the_users_own_constraints_are_there_again_afterwards(machine: Slicer, monkeypatch):
    monkeypatch.setenv("PIP_CONSTRAINT", "/etc/constraints.txt")
    set_up(machine.confirm, machine.show)
    assert os.environ["PIP_CONSTRAINT"] == "/etc/constraints.txt"


def test_the_variable_is_gone_after_a_failure(machine: Slicer):
    machine.torch = None
    with pytest.raises(VoCoSlicerError, match="PyTorch was not installed"):
        set_up(machine.confirm, machine.show)
    assert "PIP_CONSTRAINT" not in os.environ


@pytest.mark.parametrize(
    "error", [CalledProcessError(1, "pip install"), RuntimeError("no"), ImportError("no pip")]
)
def test_a_failure_of_pip_is_one_sentence(machine: Slicer, error: Exception):
    machine.error = error
    with pytest.raises(VoCoSlicerError, match="The installation failed .*check the network"):
        set_up(machine.confirm, machine.show)


def test_what_is_missing_after_the_installation_is_said(machine: Slicer, monkeypatch):
    monkeypatch.setattr(slicer.packaging, "pip_ensure", lambda *_, **__: None)
    with pytest.raises(VoCoSlicerError, match="still missing: monai>=1.5, rich>=13"):
        set_up(machine.confirm, machine.show)


def test_without_the_pytorch_extension_nobody_is_asked(machine: Slicer, monkeypatch):
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    with pytest.raises(VoCoSlicerError, match="PyTorch extension is missing"):
        set_up(machine.confirm, machine.show)
    assert machine.events == []


def test_an_old_slicer_is_said(machine: Slicer, monkeypatch):
    monkeypatch.setitem(sys.modules, "slicer.packaging", None)
    with pytest.raises(VoCoSlicerError, match="too old"):
        set_up(machine.confirm, machine.show)


def test_torch_is_the_version_that_voco3d_needs():
    pyproject = Path(__file__).resolve().parents[3] / "VoCoTraining/pyproject.toml"
    assert f'"{TORCH}"' in pyproject.read_text()


def test_nothing_is_installed_or_asked_at_import():
    program = (
        "import sys; sys.path.insert(0, '.')\n"
        "from Testing import harness; harness.start()\n"
        "import slicer, subprocess\n"
        "def never(*_, **__): raise SystemExit('a process at import')\n"
        "subprocess.Popen.__init__ = never\n"
        "import VoCoSlicerLib.worker.setup, VoCoSlicerLib.worker.check\n"
        "import VoCoSlicerLib.widget.environment\n"
        "assert harness.installations.calls == []\n"
        "print({'torch', 'monai', 'voco3d', 'SimpleITK', 'PyTorchUtils'} & set(sys.modules))\n"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip().endswith("set()"), done.stderr
