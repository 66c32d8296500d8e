"""In Slicer: Slicer's Python finds the voco3d that comes with the extension, and it works."""

import json
import subprocess
import unittest
from pathlib import Path

from VoCoSlicerLib.worker.environment import bundled_package, slicer_python

# Only what needs neither PyTorch nor MONAI: the test must pass right after installation.
CODE = """
import json
import voco3d
from voco3d.phantom import make_phantom
phantom = make_phantom("headneck", 1, (16, 16, 16), 24.0)
print(json.dumps({"file": voco3d.__file__, "size": phantom.image.GetSize()}))
"""


class BundledPackageTest(unittest.TestCase):
    """What the installed extension brings."""

    def test_bundled_models_are_there(self) -> None:
        """Weights and description of each."""
        models = Path(bundled_package()) / "voco3d/models/bundled"
        for name in ("headneck-oar", "headneck-voco"):
            assert (models / name / "models/model.safetensors").is_file(), name
            assert (models / name / "configs/metadata.json").is_file(), name

    def test_slicer_python_imports_it(self) -> None:
        """From the extension's folder and no other."""
        python = slicer_python()
        answer = subprocess.run(
            [python.executable, "-c", CODE],
            env=python.variables(),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert answer.returncode == 0, answer.stderr
        found = json.loads(answer.stdout)
        assert Path(found["file"]).is_relative_to(bundled_package()), found["file"]
        assert found["size"] == [16, 16, 16]
