"""The request ``position_report``: figures and numbers about crops of an image, as files."""

from pathlib import Path
from typing import Any

from voco3d.errors import VoCoError
from voco3d.figures.positions import pictures
from voco3d.metrics.tables import check_folder
from voco3d.positions.sweep import check_step
from voco3d.positions.writing import FILES, write_positions
from voco3d.worker.job import Job
from voco3d.worker.locating import Question
from voco3d.worker.messages import WRONG_PARAMS, RpcError
from voco3d.worker.opened import OpenImages
from voco3d.worker.params import Params


def run(params: Params, job: Job, images: OpenImages) -> dict[str, Any]:
    """Write what ``voco positions --out`` writes; crops are RAS mm, at least one.

    Returns:
        ``files``: the names of what was written.

    Raises:
        RpcError: If the params are not what they should be.
        VoCoError: If the image, the model, the device or the step cannot be used, a crop lies
            outside, or the folder holds such files already or cannot be written to.
        CancelledError: If the job was cancelled: then no file is left.
    """
    question, crops = Question.read(params), params.points("crops")
    step, folder = params.number_or_none("step"), Path(params.text("folder"))
    params.end()
    if not crops:
        raise RpcError(WRONG_PARAMS, "The param 'crops' must be a list of places, at least one.")
    if step is not None:
        check_step(step)
    for name in FILES:
        if (folder / name).exists():
            raise VoCoError(f"{folder} holds {name} already: choose another folder.")
    check_folder(folder, overwrite=True, names=FILES)
    with images.in_use():
        opened = images.volume(
            question.image, question.model, question.device, question.counts, job
        )
        located = opened.locate(crops, job.progress)
        sweep = None if step is None else opened.sweep(step, job.progress)
        drawn = pictures(opened, located, sweep, job.progress)
    job.progress(0, 1, "writing")
    job.outputs = [folder / name for name in FILES]
    written = write_positions(folder, opened.report(located), sweep, drawn, job.commit)
    return {"files": list(written)}
