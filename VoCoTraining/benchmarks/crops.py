"""How long one volume's crops take: read from a cache, cut, augmented.

    python VoCoTraining/benchmarks/crops.py [CACHE]

Without a cache of 256 x 256 x 64 voxels a phantom's is made. Prints, in ms, the smallest and the
median time of many draws, by the clock and by what one core worked: on a busy machine only the
latter, and the smallest, say what the code costs.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

from voco3d.data import VolumeSettings, find_sources
from voco3d.data.cache import Cache, build_cache, open_cache
from voco3d.geometry import BaseGrid
from voco3d.phantom import make_phantom
from voco3d.pretraining.volume_crops import Augmentation, Draw, VolumeCrops

GRID = BaseGrid((4, 4, 1), (64, 64, 64))
CROPS = 4
ALWAYS = Augmentation(flip=1.0, rotate=1.0, shift=0.1, shift_probability=1.0)
NONE = Augmentation(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Times:
    """Milliseconds of every run: by the clock, and of one core's work."""

    wall: list[float]
    core: list[float]


def measure(task: Callable[[], object], runs: int) -> Times:
    """Run a task again and again."""
    times = Times([], [])
    for _ in range(runs):
        wall, core = time.perf_counter(), time.process_time()
        task()
        times.wall.append(1e3 * (time.perf_counter() - wall))
        times.core.append(1e3 * (time.process_time() - core))
    return times


def phantom_cache(folder: Path, bits: int) -> Cache:
    """A cache of one noisy phantom of 256 x 256 x 64 voxels."""
    data = folder / "data"
    if not data.exists():
        data.mkdir()
        image = make_phantom("trunk", 0, (256, 256, 64), 1.5).image
        sitk.WriteImage(image, str(data / "phantom.nrrd"))
    settings = VolumeSettings(size=GRID.size, bits=bits)
    build_cache(find_sources(data), folder / f"cache{bits}", settings, count=1)
    return open_cache(folder / f"cache{bits}")


def table(cache: Cache, runs: int) -> None:
    """Measure the parts and the whole on a cache, and print a line each."""
    stored = np.mean([volume.bytes for volume in cache.volumes]) / 1e6
    print(f"{cache.settings.bits} bits, {stored:.2f} MB a volume")
    print(f"  {'ms':30}wall min  median  core min  median")
    numbers = count()

    def draw(augmentation: Augmentation) -> Callable[[], object]:
        dataset = VolumeCrops(cache, GRID, CROPS, augmentation, seed=0)
        return lambda: dataset[Draw(number := next(numbers), number % len(cache.volumes))]

    tasks: dict[str, Callable[[], object]] = {
        "read": lambda: cache.read(next(numbers) % len(cache.volumes)),
        "read, 16 bases and 4 crops": draw(NONE),
        "the same, usual augmentation": draw(Augmentation()),
        "the same, every crop changed": draw(ALWAYS),
    }
    for name, task in tasks.items():
        task()
        times = measure(task, runs)
        figures = (f(t) for t in (times.wall, times.core) for f in (min, np.median))
        print(f"  {name:30}" + "  ".join(f"{figure:7.1f}" for figure in figures))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path, nargs="?", help="of 256 x 256 x 64 voxels")
    parser.add_argument("--runs", type=int, default=40, help="of every line (default: 40)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.cache is not None:
        table(open_cache(arguments.cache), arguments.runs)
        return
    with tempfile.TemporaryDirectory() as folder:
        for bits in (8, 16):
            table(phantom_cache(Path(folder), bits), arguments.runs)


if __name__ == "__main__":
    main()
