"""Every name of `slicer`, `qt` and `ctk` that the module uses exists in real Slicer.

`Testing/harness/names/` lists them with the source file that defines each; classes of the scene
come from slicer-core, which is built from Slicer's own sources.
"""

import json
import subprocess
import sys
from functools import cache

import pytest

from Testing import harness
from Testing.harness.names import allowed_names
from Testing.slicer.extension.places import MODULE, code_files
from Testing.slicer.extension.references import Reference, references

ROOTS = {"slicer", "qt", "ctk"}


@cache
def used() -> list[Reference]:
    files = [*code_files(), *(MODULE / "Testing").rglob("*.py")]
    return [reference for path in files for reference in references(path, ROOTS)]


@cache
def in_slicer_core() -> frozenset[str]:
    """Names of the compiled `slicer`, read where no stand-in is loaded."""
    code = "import json, slicer; print(json.dumps(dir(slicer)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return frozenset(json.loads(answer.stdout.splitlines()[-1]))


def is_known(chain: tuple[str, ...]) -> bool:
    """Whether Slicer has a name, as ("slicer", "util", "loadUI", ...)."""
    root, *names = chain
    listed = allowed_names(root)
    if root == "slicer" and names[0].startswith("vtk"):
        return names[0] in in_slicer_core()
    parts = {name.split(".")[0] for name in listed if "." in name}
    return (".".join(names[:2]) if names[0] in parts else names[0]) in listed


def test_the_module_uses_names():
    assert {reference.chain[0] for reference in used()} == ROOTS


def test_every_name_is_in_slicer():
    unknown = [str(reference) for reference in used() if not is_known(reference.chain)]

    assert not unknown


def test_every_value_of_a_class_exists():
    """As `qt.QProcess.CrashExit`, asked of the strict stand-in and of slicer-core's classes."""
    harness.start()
    missing = []
    for reference in used():
        root, *names = reference.chain
        thing = __import__(root)
        if root == "slicer" and not names[0].startswith(("vtk", "qMRML")):
            continue
        for name in names[:2]:
            thing = getattr(thing, name, None)
        if thing is None:
            missing.append(str(reference))

    assert not missing


@pytest.mark.parametrize("root", sorted(ROOTS))
def test_each_listed_name_says_where_it_comes_from(root: str):
    for name, source in allowed_names(root).items():
        assert "/" in source, name


@pytest.mark.parametrize(
    "chain",
    [
        ("qt", "QTimers"),
        ("ctk", "ctkColapsibleButton"),
        ("slicer", "vtkMRMLScalarVolumesNode"),
        ("slicer", "util", "errorDisply"),
        ("slicer", "app", "procesEvents"),
    ],
    ids=".".join,
)
def test_a_misspelt_name_is_found(chain: tuple[str, ...]):
    assert not is_known(chain)
