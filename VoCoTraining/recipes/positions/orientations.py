"""How often `voco info --check` tells how a CT lies, over all 48 orders and flips of its axes.

python VoCoTraining/recipes/positions/orientations.py openkbp/dataset.json --every 3
"""

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from voco3d.data import read_image
from voco3d.positions import Positioner
from voco3d.positions.checking import judge, turn_cosines
from voco3d.positions.turns import SIDES, TURNS, Turn

INDEX = np.arange(24).reshape(2, 3, 4)


def after(second: Turn, first: Turn) -> Turn:
    """The one turn that does what two do, one after the other."""
    both = second.of(first.of(INDEX))
    return next(turn for turn in TURNS if np.array_equal(turn.of(INDEX), both))


def images(path: Path) -> list[Path]:
    """The images of both validation lists, by name."""
    lists = json.loads(path.read_text())
    cases = lists["validation"] + lists.get("unlabeled_validation", [])
    names = [case["image"] if isinstance(case, dict) else case for case in cases]
    return sorted(path.parent / name for name in names)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="headneck-voco")
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    positioner = Positioner(options.model, "cpu")
    combined = {(second, first): after(second, first) for second in TURNS for first in TURNS}
    counts: Counter[tuple[str, str]] = Counter()
    for path in images(options.data)[:: options.every]:
        cosines = turn_cosines(positioner, read_image(path))
        for stored in TURNS:  # the CT as if its voxels were stored so
            check = judge(options.model, {turn: cosines[combined[turn, stored]] for turn in TURNS})
            truth = next(turn for turn in TURNS if combined[turn, stored] == Turn())
            best = next(turn for turn in TURNS if turn.axes == check.axes)
            right = {"axes": best.order == truth.order}
            right |= {s: best.flips[i] == truth.flips[i] for i, s in enumerate(SIDES)}
            for name, correct in right.items():
                told = name in check.told
                counts[name, ("right" if correct else "wrong") if told else "cannot tell"] += 1
        check = judge(options.model, cosines)
        print(path.name, f"{check.similarity:.2f}", check.axes, check.margins, flush=True)
    for (name, answer), count in sorted(counts.items()):
        print(f"{name:12} {answer:12} {count}")


if __name__ == "__main__":
    main()
