"""The command as a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import highdicom as hd

from Testing.training.cli.files import folder_with_notes


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "voco3d.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_a_process_segments(dicom, out, model_folder):
    result = run("segment", dicom, out / "r.dcm", "--model", model_folder, "--progress", "json")
    assert result.returncode == 0
    assert result.stdout.startswith(f"{out / 'r.dcm'}: ")
    assert all(json.loads(line) for line in result.stderr.splitlines())
    assert list(hd.seg.segread(out / "r.dcm").segment_numbers) == [1, 2]


def test_a_process_refuses(tmp_path, out, model_folder):
    folder = folder_with_notes(tmp_path / "folder")
    result = run("segment", folder, out / "r.nrrd", "--model", model_folder)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"voco: {folder} holds no DICOM series: give a folder with DICOM files.\n"
    )
    assert not list(out.iterdir())


def test_help_is_quick_since_it_imports_no_torch():
    code = (
        "import sys; from voco3d.cli import main\n"
        "try: main(['--help'])\n"
        "finally: print(sorted({'torch', 'monai', 'highdicom'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert result.stdout.endswith("\n[]\n")
