"""The request ``find``: places and boxes of one image in another."""

from pathlib import Path
from typing import Any

from voco3d.worker.job import Job
from voco3d.worker.opened import OpenImages
from voco3d.worker.params import Params


def run(params: Params, job: Job, images: OpenImages) -> dict[str, Any]:
    """Find places and boxes; they are RAS mm, in what is asked and in what is answered.

    A box is given as its eight corners.

    Returns:
        ``found``: for each place, then for each box, what ``voco3d.positions.FoundPlace`` says.

    Raises:
        RpcError: If the params are not what they should be.
        VoCoError: If an image, the model or the device cannot be used, a place lies outside, or a
            box is none.
        CancelledError: If the job was cancelled.
    """
    source, target = Path(params.text("source")), Path(params.text("target"))
    model, device = params.text("model"), params.text("device", "auto")
    points, boxes = params.points("points"), params.boxes("boxes")
    params.end()
    with images.in_use():
        finder = images.pair(source, target, model, device, job)
        found = finder.find(points, job.progress) if points else ()
        found += finder.find_boxes(boxes, job.progress) if boxes else ()
    job.commit()
    return {"found": [place.to_plain() for place in found]}
