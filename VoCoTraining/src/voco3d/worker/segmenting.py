"""The request ``segment``: images in, a segmentation file out."""

import math
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import SimpleITK as sitk
import torch

from voco3d.data.images import read_image
from voco3d.data.lists import SEGMENTATION
from voco3d.inference import Region, Segmenter
from voco3d.inference.stepping_down import Window
from voco3d.metrics.volumes import Measurement, measure
from voco3d.models import Structure
from voco3d.models.structures import choose
from voco3d.outputs.seg_nrrd import write_seg_nrrd
from voco3d.worker.job import Job
from voco3d.worker.machine import versions
from voco3d.worker.messages import WRONG_PARAMS, RpcError
from voco3d.worker.params import Params
from voco3d.worker.warm import WarmModel
from voco3d.writing import check_writable, write_aside

THREADS = torch.get_num_threads()


@dataclass(frozen=True)
class Order:
    """What is to be segmented, and how.

    Attributes:
        images: Files, one a channel.
        output: The file to write, ``.seg.nrrd``.
        model: Name of a model, a model folder or a checkpoint file.
        device: "auto", "cpu", "cuda" or "mps".
        threads: Of the CPU; None for as many as there are.
        overlap: Of the windows; None for the model's.
        small_windows: Less memory, at some cost in quality.
        structures: Names of those wanted; None for all.
        region: What alone is computed.
    """

    images: list[Path]
    output: Path
    model: str
    device: str
    threads: int | None
    overlap: float | None
    small_windows: bool
    structures: list[str] | None
    region: Region | None

    @classmethod
    def read(cls, params: Params) -> "Order":
        """Read the params of a request.

        Raises:
            RpcError: If they are not what they should be.
        """
        order = cls(
            [Path(image) for image in params.texts("images")],
            Path(params.text("output")),
            params.text("model"),
            params.text("device", "auto"),
            params.count_or_none("threads"),
            params.number_or_none("overlap"),
            params.flag("small_windows"),
            params.texts_or_none("structures"),
            read_region(params),
        )
        params.end()
        if not order.output.name.endswith(SEGMENTATION):
            raise RpcError(WRONG_PARAMS, f"The param 'output' must end in {SEGMENTATION}.")
        return order


def read_region(params: Params) -> Region | None:
    """The param ``region``."""
    inner = params.inner_or_none("region")
    if inner is None:
        return None
    region = Region(inner.numbers("matrix", 16))
    inner.end()
    return region


def run(order: Order, job: Job, warm: WarmModel) -> dict[str, Any]:
    """Segment.

    Raises:
        VoCoError: If it cannot be done.
        CancelledError: If the job was cancelled: then no file is left.
    """
    started = time.monotonic()
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text)
        job.note(text)

    _use_threads(order.threads)
    check_writable(order.output, overwrite=True)
    job.progress(0, 1, "loading the model")
    with warm.use(order.model, order.device) as segmenter:
        model = segmenter.model
        structures = choose(model.structures, order.structures)
        segmenter.check_channels(len(order.images))
        images = []
        for done, image in enumerate(order.images):
            job.progress(done, len(order.images), "reading")
            images.append(read_image(image))
        _expect(job, segmenter, segmenter.window(order.small_windows), images[0], warm)
        job.progress(0, 1, "preparing")
        labels = segmenter(
            images,
            overlap=order.overlap,
            small_windows=order.small_windows,
            classes=order.structures,
            region=order.region,
            progress=job.progress,
            note=note,
        )
        job.progress(0, 1, "measuring")
        measured = measure(labels, images[0], structures, model.regions)
        rows = [_row(each, structures[each.label]) for each in measured]
        digest = warm.hash_of(model.weights)
    job.progress(0, 1, "writing")
    write(order.output, labels, structures, segmenter, job)
    return {
        "output": str(order.output),
        "structures": rows,
        "seconds": round(time.monotonic() - started, 3),
        "notes": notes,
        "provenance": {
            "model": model.name,
            "hash": digest,
            "versions": versions(),
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "device": segmenter.device.type,
            "overlap": model.overlap if order.overlap is None else order.overlap,
            "structures": [row["name"] for row in rows],
        },
    }


def _row(measured: Measurement, structure: Structure) -> dict[str, Any]:
    """A structure of the answer; JSON has no NaN."""
    return {
        "label": measured.label,
        "name": measured.name,
        "color": list(structure.color),
        "voxels": measured.voxels,
        "volume_ml": measured.millilitres,
        "mean_hu": None if math.isnan(measured.mean_hu) else measured.mean_hu,
        "touches_border": measured.touches_border,
    }


def write(
    output: Path,
    labels: sitk.Image,
    structures: dict[int, Structure],
    segmenter: Segmenter,
    job: Job,
) -> None:
    """Write the segmentation aside and move it to its place, unless the job is cancelled by then.

    Raises:
        VoCoError: If it cannot be written.
        CancelledError: If the job was cancelled.
    """
    job.outputs = (output,)

    def write_part(part: Path) -> None:
        try:
            write_seg_nrrd(part, labels, structures, segmenter.model.regions)
        finally:
            job.check()
        job.commit()

    write_aside(output, write_part)


def _expect(
    job: Job, segmenter: Segmenter, window: Window, image: sitk.Image, warm: WarmModel
) -> None:
    """Tell the job what placing the classes will take, if that was measured before."""
    cost = warm.known_cost_of(segmenter, window)
    if cost is not None:
        classes = segmenter.model.network.out_channels
        placing = cost.voxel_seconds * image.GetNumberOfPixels() * classes
        job.expect({"placing on the image": placing})


def _use_threads(threads: int | None) -> None:
    torch.set_num_threads(threads or THREADS)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads or THREADS)
