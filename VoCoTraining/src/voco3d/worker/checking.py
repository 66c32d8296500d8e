"""The request ``check``: what an image shows, and whether it lies as it says."""

from pathlib import Path
from typing import Any

from voco3d.worker.job import Job
from voco3d.worker.opened import OpenImages
from voco3d.worker.params import Params


def run(params: Params, job: Job, images: OpenImages) -> dict[str, Any]:
    """Check an image.

    Returns:
        What ``voco3d.positions.VolumeCheck`` says.

    Raises:
        RpcError: If the params are not what they should be.
        VoCoError: If the image or the device cannot be used, or the model cannot check.
        CancelledError: If the job was cancelled.
    """
    image, model = Path(params.text("image")), params.text("model")
    device = params.text("device", "auto")
    params.end()
    with images.in_use():
        check = images.check(image, model, device, job)
    job.commit()
    return check.to_plain()
