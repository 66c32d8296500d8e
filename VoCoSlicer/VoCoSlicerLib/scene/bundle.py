"""The scene as one file, a Slicer data bundle (`.mrb`)."""

from pathlib import Path
from tempfile import TemporaryDirectory

import slicer


def save_bundle(scene: slicer.vtkMRMLScene, path: str | Path) -> None:
    """Write the scene with all its data to a `.mrb` file, replacing one that is there.

    The bundle is written in a temporary folder beside its place and moved, so that a failure
    leaves neither a half-written bundle nor the loss of an older one.

    Args:
        scene: the scene to write.
        path: the `.mrb` file, in a folder that exists.

    Raises:
        OSError: the bundle cannot be written.
    """
    path = Path(path).resolve()  # MRML refuses a relative path
    with TemporaryDirectory(prefix=f".{path.stem}-", dir=path.parent) as folder:
        written = Path(folder) / path.name
        if not scene.WriteToMRB(str(written)):
            raise OSError(
                f"The scene could not be written to {path}: check the free disk space and that "
                "the folder is writable."
            )
        written.replace(path)
