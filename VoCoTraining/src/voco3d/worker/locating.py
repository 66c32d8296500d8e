"""The requests ``positions`` and ``sweep``: where crops of an image lie, as the network sees it.

All places are RAS mm, in what is asked and in what is answered.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from voco3d.positions.summary import summarise
from voco3d.positions.sweep import check_step
from voco3d.worker.job import Job
from voco3d.worker.messages import WRONG_PARAMS, RpcError
from voco3d.worker.opened import Counts, OpenImages
from voco3d.worker.params import Params
from voco3d.writing import check_writable, write_image, write_together

VOLUME = ".nrrd"


@dataclass(frozen=True)
class Question:
    """The image that a request is about, and who is asked.

    Attributes:
        image: The file.
        model: Name of a model, a model folder or a checkpoint file.
        device: "auto", "cpu", "cuda" or "mps".
        counts: Bases along x, y and z; None for the model's.
    """

    image: Path
    model: str
    device: str
    counts: Counts | None

    @classmethod
    def read(cls, params: Params) -> "Question":
        """Read the params that ``positions``, ``sweep`` and ``position_report`` share.

        Raises:
            RpcError: If they are not what they should be.
        """
        return cls(
            Path(params.text("image")),
            params.text("model"),
            params.text("device", "auto"),
            params.counts_or_none("grid"),
        )


def locate(params: Params, job: Job, images: OpenImages) -> dict[str, Any]:
    """Locate crops; without any only the bases are told.

    Returns:
        What ``voco3d.positions.PositionReport`` says.

    Raises:
        RpcError: If the params are not what they should be.
        VoCoError: If the image, the model or the device cannot be used, or a crop lies outside.
        CancelledError: If the job was cancelled.
    """
    question, crops = Question.read(params), params.points("crops")
    params.end()
    with images.in_use():
        opened = images.volume(
            question.image, question.model, question.device, question.counts, job
        )
        located = opened.locate(crops, job.progress) if crops else ()
    job.commit()
    return opened.report(located).to_plain()


def sweep(params: Params, job: Job, images: OpenImages) -> dict[str, Any]:
    """Locate crops all over an image and write two images, a voxel a crop.

    Their voxels lie where the crops' centres do: ``chosen`` holds the number, from 1, of the base
    that a crop is put into, ``errors`` the distance of predicted and true place in mm (NaN where
    no place is predicted).

    Returns:
        ``shape`` of the two images; ``top1``, the share of crops put into a base that they
        overlap most; ``median_distance`` in mm, None where no crop has a predicted place.

    Raises:
        RpcError: If the params are not what they should be.
        VoCoError: If the image, the model, the device or the step cannot be used, or a file
            cannot be written.
        CancelledError: If the job was cancelled: then no file is left.
    """
    question, step = Question.read(params), params.number("step")
    chosen, errors = (_output(params, name) for name in ("chosen", "errors"))
    params.end()
    check_step(step)
    for output in (chosen, errors):
        check_writable(output, overwrite=True)
    with images.in_use():
        opened = images.volume(
            question.image, question.model, question.device, question.counts, job
        )
        found = opened.sweep(step, job.progress)
    job.progress(0, 1, "writing")
    job.outputs = (chosen, errors)
    numbers = np.min_scalar_type(opened.grid.n)
    values = {chosen: found.chosen().astype(numbers), errors: found.errors().astype(np.float32)}
    writers = {
        output: partial(write_image, image=found.image(array), compressed=False)
        for output, array in values.items()
    }
    write_together(writers, job.commit)
    summary = summarise(found.crops)
    distance = summary["median_distance_mm"]
    return {
        "shape": list(found.shape),
        "top1": summary["top1"],
        "median_distance": None if np.isnan(distance) else distance,
    }


def _output(params: Params, name: str) -> Path:
    output = Path(params.text(name))
    if output.suffix != VOLUME:
        raise RpcError(WRONG_PARAMS, f"The param {name!r} must end in {VOLUME}.")
    return output
