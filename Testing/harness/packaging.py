"""The module `slicer.packaging`: installations are recorded, never done.

Slicer's own (from 5.12) is Base/Python/slicer/packaging.py; the signatures are the same.
"""

# ruff: noqa: N803 - the names are Slicer's

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

Requirements = str | Requirement | list[str | Requirement]


@dataclass(frozen=True)
class Installation:
    """One call: the function, what it was asked for, and its other arguments."""

    function: str
    requirements: Any
    options: dict[str, Any]


@dataclass
class Installations:
    """What was asked of pip.

    Attributes:
        calls: the calls so far.
        act: called for each; a test may raise here, as when pip fails.
    """

    calls: list[Installation] = field(default_factory=list)
    act: Callable[[Installation], None] | None = None

    def record(self, function: str, requirements: Any, options: dict[str, Any]) -> None:
        """Keep a call, and do what the test wants to happen."""
        call = Installation(function, requirements, options)
        self.calls.append(call)
        if self.act is not None:
            self.act(call)

    def clear(self) -> None:
        """Forget the calls."""
        self.calls.clear()
        self.act = None


installations = Installations()


def load_requirements(path: str | Path) -> list[Requirement]:
    """The requirements in a file, without comments and options."""
    lines = (line.strip() for line in Path(path).read_text().splitlines())
    return [Requirement(line) for line in lines if line and line[0] not in "#-"]


def pip_check(req: Requirements) -> bool:
    """Whether the requirements are met; the harness does not look into extras."""
    if isinstance(req, list):
        return all(pip_check(one) for one in req)
    requirement = Requirement(req) if isinstance(req, str) else req
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    try:
        return importlib.metadata.version(requirement.name) in requirement.specifier
    except importlib.metadata.PackageNotFoundError:
        return False


def pip_ensure(
    requirements: Requirements,
    constraints: str | Path | None = None,
    skip_packages: list[str] | None = None,
    prompt_install: bool = True,
    prompt_restart: bool = True,
    requester: str | None = None,
    skip_in_testing: bool = True,
    show_progress: bool = True,
) -> None:
    """Record what should be installed if it is missing."""
    options = {
        "constraints": constraints,
        "skip_packages": skip_packages,
        "prompt_install": prompt_install,
        "prompt_restart": prompt_restart,
        "requester": requester,
        "skip_in_testing": skip_in_testing,
        "show_progress": show_progress,
    }
    installations.record("pip_ensure", requirements, options)


def pip_install(
    requirements: str | list[str],
    constraints: str | Path | None = None,
    no_deps_requirements: str | list[str] | None = None,
    skip_packages: list[str] | None = None,
    blocking: bool = True,
    show_progress: bool = True,
    requester: str | None = None,
    parent: Any = None,
    logCallback: Callable[[str], None] | None = None,
    completedCallback: Callable[[int], None] | None = None,
) -> None:
    """Record what should be installed; a callback is told that it worked."""
    options = {
        "constraints": constraints,
        "no_deps_requirements": no_deps_requirements,
        "skip_packages": skip_packages,
        "blocking": blocking,
        "show_progress": show_progress,
        "requester": requester,
    }
    installations.record("pip_install", requirements, options)
    if completedCallback is not None:
        completedCallback(0)


def pip_uninstall(requirements: str | list[str]) -> None:
    """Record what should be removed."""
    installations.record("pip_uninstall", requirements, {})
