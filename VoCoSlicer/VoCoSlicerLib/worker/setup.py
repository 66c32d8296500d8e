"""Installing what the worker needs into Slicer's own Python, after a yes.

Only called when the user asks for a computation, never at import.
"""

import importlib
import importlib.metadata
import importlib.util
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import slicer
from packaging.requirements import Requirement
from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.worker.environment import MODULE_FOLDER

TORCH = "torch>=2.6"
REQUIREMENTS_FILE = MODULE_FOLDER / "Resources/requirements.txt"
SHIPPED = ("numpy", "scipy", "SimpleITK", "vtk", "pydicom")
"""What Slicer brings and is built against: it keeps its version."""


def missing_packages() -> list[str]:
    """What Slicer's Python lacks, as requirements for pip; empty when it is ready."""
    lines = map(str.strip, REQUIREMENTS_FILE.read_text(encoding="utf-8").splitlines())
    wanted = [TORCH, *(line for line in lines if line and not line.startswith("#"))]
    importlib.invalidate_caches()
    return [requirement for requirement in wanted if not _is_installed(Requirement(requirement))]


def set_up(confirm: Callable[[str], bool], show: Callable[[str], None]) -> bool:
    """Install what is missing; return whether Slicer's Python is ready.

    Args:
        confirm: asks the user; is only called when something is missing.
        show: is told each step as a sentence; pip's own output goes to Slicer's dialog and to
            the Python console.

    Raises:
        VoCoSlicerError: the installation failed, Slicer is too old, or the PyTorch extension is
            not installed.
    """
    missing = missing_packages()
    if not missing:
        return True
    packaging = _slicer_packaging()
    torch_utils = _torch_utils() if TORCH in missing else None
    if not confirm(_question(missing)):
        return False
    try:
        with _shipped_versions() as constraints:
            if torch_utils is not None:
                show(_("Installing PyTorch: this takes some minutes."))
                _install_torch(torch_utils, constraints)
            if others := [requirement for requirement in missing if requirement != TORCH]:
                show(_("Installing {packages}.").format(packages=", ".join(others)))
                packaging.pip_ensure(
                    others,
                    constraints=str(constraints),
                    prompt_install=False,
                    requester="VoCo",
                )
    except (CalledProcessError, RuntimeError, ImportError) as error:
        raise VoCoSlicerError(
            _(
                "The installation failed ({error}): check the network and the Python console, and "
                'apply again, or choose another Python under "Compute environment".'
            ).format(error=error)
        ) from error
    if still_missing := missing_packages():
        raise VoCoSlicerError(
            _(
                "After the installation these packages are still missing: {packages}. Restart "
                'Slicer and apply again, or choose another Python under "Compute environment".'
            ).format(packages=", ".join(still_missing))
        )
    show(_("Everything is installed."))
    return True


def _is_installed(requirement: Requirement) -> bool:
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return requirement.specifier.contains(version, prereleases=True)


def _question(missing: list[str]) -> str:
    return _(
        "To compute, VoCo needs Python packages that this Slicer does not have yet:\n\n"
        "{packages}\n\n"
        "They are downloaded (up to 3 GB with a graphics card) and installed into Slicer's "
        "Python. What Slicer ships (numpy, SimpleITK, VTK ...) is not changed.\n\n"
        "Install them now?"
    ).format(packages="\n".join(f"- {requirement}" for requirement in missing))


def _slicer_packaging() -> Any:
    try:
        return importlib.import_module("slicer.packaging")
    except ImportError as error:
        raise VoCoSlicerError(
            _(
                "This Slicer is too old to install packages safely: use Slicer 5.12 or newer, or "
                'choose another Python under "Compute environment".'
            )
        ) from error


def _torch_utils() -> Any:
    try:
        return importlib.import_module("PyTorchUtils")
    except ImportError as error:
        raise VoCoSlicerError(
            _(
                "The PyTorch extension is missing: install it from the Extensions Manager, restart "
                "Slicer, and apply again."
            )
        ) from error


def _install_torch(torch_utils: Any, constraints: Path) -> None:
    # The extension lets pip take no constraints; pip reads them from this variable. It splits
    # the value at spaces, which paths may hold and addresses do not.
    before = os.environ.get("PIP_CONSTRAINT")
    os.environ["PIP_CONSTRAINT"] = constraints.as_uri()
    try:
        with slicer.util.displayPythonShell():
            torch = torch_utils.PyTorchUtilsLogic().installTorch(
                askConfirmation=False, torchVersionRequirement=TORCH.removeprefix("torch")
            )
    finally:
        del os.environ["PIP_CONSTRAINT"]
        if before is not None:
            os.environ["PIP_CONSTRAINT"] = before
    if torch is None:
        raise RuntimeError(_("PyTorch was not installed"))


@contextmanager
def _shipped_versions() -> Iterator[Path]:
    """A file that tells pip to keep what Slicer ships as it is."""
    with tempfile.TemporaryDirectory(prefix="voco-") as folder:
        file = Path(folder) / "shipped-with-slicer.txt"
        file.write_text("\n".join(filter(None, map(_constraint, SHIPPED))), encoding="utf-8")
        yield file


def _constraint(package: str) -> str:
    try:
        return f"{package}=={importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        # Slicer's own build that pip does not know of: pip must not put another beside it.
        return f"{package}<0" if importlib.util.find_spec(package) else ""
