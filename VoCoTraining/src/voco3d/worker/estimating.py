"""The request ``estimate``: what a segmentation will cost."""

from typing import Any

from voco3d.inference.estimate import Header, estimate
from voco3d.worker.params import Params
from voco3d.worker.segmenting import read_region
from voco3d.worker.warm import WarmModel


def run(params: Params, warm: WarmModel) -> dict[str, Any]:
    """Estimate, after measuring one window where that was not done yet.

    Returns:
        What ``voco3d.inference.estimate.Estimate`` says; ``smaller_windows``: whether
        ``small_windows`` would make a difference.

    Raises:
        RpcError: If the params are not what they should be.
        VoCoError: If the model or the device cannot be used, or the region is outside.
    """
    header = read_header(params.inner("image"))
    name, device = params.text("model"), params.text("device", "auto")
    overlap, region = params.number_or_none("overlap"), read_region(params)
    small = params.flag("small_windows")
    params.end()
    with warm.use(name, device) as segmenter:
        model, window = segmenter.model, segmenter.window(small)
        cost = warm.cost_of(segmenter, window)
        found = estimate(header, model, segmenter.device, cost, overlap, region, window)
        can_be_smaller = not small and segmenter.window(True) != window
    return {
        "memory": found.memory,
        "available": found.available,
        "seconds": round(found.seconds, 3),
        "windows": found.windows,
        "fits": found.fits,
        "smaller_windows": can_be_smaller,
        "advice": list(found.advice),
    }


def read_header(params: Params) -> Header:
    """The params of a grid."""
    x, y, z = params.counts("size", 3)
    spacing, origin = params.numbers("spacing", 3), params.numbers("origin", 3)
    direction = params.numbers("direction", 9)
    params.end()
    return Header((x, y, z), spacing, origin, direction)  # type: ignore[arg-type]
