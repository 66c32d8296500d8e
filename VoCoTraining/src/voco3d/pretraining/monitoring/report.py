"""What happened in a run, as pictures and one page that needs no network and no cache."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from voco3d.errors import VoCoError
from voco3d.figures.curves import (
    draw_accuracy,
    draw_losses,
    draw_optimisation,
    draw_overlap_error,
    draw_pace,
    draw_spread,
)
from voco3d.figures.examples import draw_examples
from voco3d.figures.page import Page, Section, Tile
from voco3d.figures.similarity import draw_similarity
from voco3d.figures.style import to_png
from voco3d.pretraining.monitoring.collapse import judge, warnings_of
from voco3d.pretraining.monitoring.display import duration
from voco3d.pretraining.monitoring.examples import read_examples
from voco3d.training.record import Row, read_rows, step_file
from voco3d.writing import write_aside

SECTIONS = {
    "Does it locate crops?": (
        ("accuracy", "overlap-error"),
        "Measured on the same validation crops each time. Against the bases of their own volume "
        "even an untrained network does better than chance, since overlapping crops look alike; "
        "against the reference bases of the training population that is no help. An overlap error "
        "below the dashed line is better than always answering 0.",
    ),
    "Example crops": (
        ("examples",),
        "Validation crops as the network sees them, stretched to the training grid, with the "
        "patient's right on the left. Orange: the crop, and its true overlaps with the numbered "
        "bases. Blue: the base that the network finds most similar, and its predicted overlaps.",
    ),
    "How alike are the bases?": (
        ("similarity",),
        "Cosine similarity of the bases of a validation volume, on average. Training drives all "
        "but the diagonal towards 0; a matrix that is 1 everywhere is a collapse.",
    ),
    "Losses": (
        ("losses",),
        "Both should fall. A prediction loss that stands still says little by itself: the "
        "accuracy above says more.",
    ),
    "How far do the embeddings spread?": (
        ("spread",),
        "A network that sees the same in every crop has an effective rank of 1 and a standard "
        "deviation of 0.",
    ),
    "Optimisation": (("optimisation",), "The norm is that of the gradient before clipping."),
    "Pace": (
        ("pace",),
        "Without the time for probes and checkpoints. Much waiting means that more workers help.",
    ),
}
"""Pictures and how to read them, by heading."""


def write_report(run: Path) -> Path:
    """Draw a run, finished, stopped or going on, into ``RUN/report``.

    Returns:
        ``report.html``, which holds everything; its pictures lie beside it too.

    Raises:
        VoCoError: If the folder is no run, has no measurements yet, or cannot be written to.
    """
    logs = run / "logs"
    if not logs.is_dir():
        raise VoCoError(f"{run} is not the folder of a pre-training run: it has no logs in it.")
    training, probes = read_rows(logs / "training.csv"), read_rows(logs / "probe.csv")
    if not probes:
        raise VoCoError(
            f"The run {run} has measured nothing yet: wait for its first probe and try again."
        )
    figures = draw_figures(logs, training, probes)
    pictures = {name: to_png(figure) for name, figure in figures.items()}
    page = make_page(run, training, probes, pictures).html()
    folder = run / "report"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise VoCoError(f"{folder} cannot be made: {error.strerror}.") from error
    for name, png in pictures.items():
        write_aside(folder / f"{name}.png", partial(_write_bytes, data=png))
    write_aside(folder / "report.html", partial(_write_bytes, data=page.encode()))
    return folder / "report.html"


def draw_figures(logs: Path, training: Sequence[Row], probes: Sequence[Row]) -> dict[str, Figure]:
    """All figures by name; curves of training only where there are any rows."""
    first, last = int(probes[0]["step"]), int(probes[-1]["step"])
    matrices = {
        f"Step {step}": np.load(step_file(logs / "similarity", step), allow_pickle=False)
        for step in dict.fromkeys((first, last))
    }
    examples = read_examples(logs / "examples.npz")
    logits = np.load(step_file(logs / "logits", last), allow_pickle=False)
    shown = logits[np.arange(len(logits)), examples.numbers]
    figures = {
        "accuracy": draw_accuracy(probes),
        "overlap-error": draw_overlap_error(probes),
        "examples": draw_examples(examples, shown),
        "similarity": draw_similarity(matrices),
        "losses": draw_losses(training, probes),
        "spread": draw_spread(probes),
    }
    if training:
        figures["optimisation"] = draw_optimisation(training)
        figures["pace"] = draw_pace(training)
    return figures


def make_page(
    run: Path,
    training: Sequence[Row],
    probes: Sequence[Row],
    pictures: Mapping[str, bytes],
) -> Page:
    """What the page of a run says."""
    probe = probes[-1]
    verdict = judge(probe)
    config = run / "config.yaml"
    return Page(
        name=run.resolve().name,
        progress=_progress(training, probe),
        state=verdict.kind,
        verdict=str(verdict),
        warnings=list(warnings_of(probes[:-1]).values()),
        tiles=_tiles(training, probe),
        sections=[
            Section(title, caption, {name: pictures[name] for name in names})
            for title, (names, caption) in SECTIONS.items()
            if all(name in pictures for name in names)
        ],
        configuration=config.read_text("utf-8") if config.is_file() else "Not written down.",
    )


def _progress(training: Sequence[Row], probe: Row) -> str:
    latest = max((*training[-1:], probe), key=lambda row: row["step"])
    return (
        f"Step {latest['step']:.0f} of {probe['total_steps']:.0f}, after "
        f"{duration(latest['seconds'])}. Last measured at step {probe['step']:.0f}."
    )


def _tiles(training: Sequence[Row], probe: Row) -> list[Tile]:
    chance, untrained = probe["chance"], probe["untrained"]
    beside = f"chance {chance:.2f}"
    if math.isfinite(untrained):
        beside += f" · untrained {untrained:.2f}"
    tiles = [
        Tile("Position accuracy", f"{probe['top1']:.2f}", beside),
        Tile("On reference bases", f"{probe['reference_top1']:.2f}", f"chance {chance:.2f}"),
        Tile("Overlap error", f"{probe['overlap_error']:.3f}", f"always 0: {chance:.3f}"),
        Tile("Effective rank", f"{probe['effective_rank']:.1f}", "collapsed: 1"),
        Tile("Similarity of bases", f"{probe['similarity']:.2f}", "aim 0 · collapsed 1"),
    ]
    if training:
        pace, waiting = training[-1]["volumes_per_second"], training[-1]["waiting_share"]
        tiles.append(Tile("Volumes a second", f"{pace:.3g}", f"waiting for data {waiting:.0%}"))
    return tiles


def _write_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)
