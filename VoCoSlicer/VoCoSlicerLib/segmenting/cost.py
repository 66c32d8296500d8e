"""What a series of volumes will cost: a question to the worker for each grid, one sum."""

from collections.abc import Callable, Mapping
from typing import Any

from slicer.i18n import tr as _

from VoCoSlicerLib.errors import VoCoSlicerError
from VoCoSlicerLib.scene.batches import Series
from VoCoSlicerLib.scene.transfer import region_of
from VoCoSlicerLib.segmenting.run import Settings, WorkerLike
from VoCoSlicerLib.worker.messages import WorkerError
from VoCoSlicerLib.worker.words import translated

Estimate = Mapping[str, Any]
"""The worker's answer: ``memory``, ``available``, ``seconds``, ``fits``, ``smaller_windows`` and
``advice``."""

Answered = Callable[[Estimate], None]
Failed = Callable[[str], None]


def ask_cost(
    worker: WorkerLike,
    series: Series,
    settings: Settings,
    answered: Answered,
    failed: Failed,
) -> None:
    """Ask what segmenting all volumes of a series will take.

    Volumes on the same grid cost the same: a sequence of a hundred items is mostly one question.

    Args:
        worker: is asked.
        series: the volumes.
        settings: what to compute.
        answered: gets the seconds of all volumes together, and the memory of the volume that
            needs the largest share of what is free; why a volume cannot be estimated comes
            with the advice.
        failed: gets the reason where no volume can be estimated.

    Raises:
        VoCoSlicerError: The region of interest cannot be used.
    """
    params = _params(settings)
    groups: dict[str, _Group] = {}
    problems: list[str] = []
    for item in series.items:
        try:
            grid = series.grid(item)
        except VoCoSlicerError as error:
            problems.append(str(error))
            continue
        groups.setdefault(repr(grid), _Group(grid)).titles.append(item.title)
    series.discard()
    several = len(series.items) > 1
    waiting = set(groups)

    def ended(key: str) -> None:
        waiting.remove(key)
        if waiting:
            return
        estimates = [(len(g.titles), g.estimate) for g in groups.values() if g.estimate]
        if estimates:
            answered(_sum(estimates, problems))
        else:
            failed(problems[0])

    def ask(key: str, group: _Group) -> None:
        def found(estimate: Estimate) -> None:
            group.estimate = estimate
            ended(key)

        def refused(error: WorkerError) -> None:
            problems.append(group.problem(error.message) if several else error.message)
            ended(key)

        worker.request("estimate", {**params, "image": group.grid}, found, refused)

    if not groups:
        failed(problems[0])
    for key, group in groups.items():
        ask(key, group)


def _params(settings: Settings) -> dict[str, Any]:
    """Of the request ``estimate``, but for the image."""
    region = settings.region
    return {
        "model": settings.model,
        "device": settings.device,
        "overlap": settings.overlap,
        "small_windows": settings.small_tiles,
        "region": None if region is None else region_of(region),
    }


class _Group:
    """Volumes on one grid."""

    def __init__(self, grid: dict[str, Any]) -> None:
        self.grid = grid
        self.titles: list[str] = []
        self.estimate: Estimate | None = None

    def problem(self, why: str) -> str:
        """A sentence that says which volumes it is about."""
        first, *others = self.titles
        if not others:
            return f"{first}: {why}"
        return _("{first} and {count} more: {why}").format(first=first, count=len(others), why=why)


def _sum(estimates: list[tuple[int, Estimate]], problems: list[str]) -> Estimate:
    """The estimates of ``count`` volumes each as one."""
    scarcest = max(
        (estimate for _count, estimate in estimates),
        key=lambda estimate: estimate["memory"] / max(1, estimate["available"]),
    )
    advice = [sentence for _count, estimate in estimates for sentence in estimate["advice"]]
    return {
        "memory": scarcest["memory"],
        "available": scarcest["available"],
        "seconds": sum(count * estimate["seconds"] for count, estimate in estimates),
        "fits": all(estimate["fits"] for _count, estimate in estimates),
        "smaller_windows": any(estimate["smaller_windows"] for _count, estimate in estimates),
        "advice": [*map(translated, dict.fromkeys(advice)), *problems],
    }
