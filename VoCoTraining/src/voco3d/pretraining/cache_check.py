"""Whether a cache fits the options of a run."""

from voco3d.data.cache import Cache
from voco3d.errors import VoCoError
from voco3d.geometry import BaseGrid


def check_cache(cache: Cache, grid: BaseGrid, channels: int) -> None:
    """Refuse a cache that was not made for these options.

    Raises:
        VoCoError: If it holds no training volumes, another number of channels, or volumes of one
            size that the grid does not fit into.
    """
    if not cache.part("training"):
        raise VoCoError(
            f"{cache.folder} holds no training volumes: add images and run `voco cache build` "
            "again."
        )
    for volume in cache.volumes:
        if volume.shape[0] != channels:
            raise VoCoError(
                f"The volume {volume.name} of {cache.folder} has {volume.shape[0]} channels, but "
                f"network.in_channels is {channels}: make them equal."
            )
    size = cache.settings.size
    if size is not None and any(n < m for n, m in zip(size, grid.size, strict=True)):
        raise VoCoError(
            f"{cache.folder} holds volumes of {_by(size)} voxels, but a grid of "
            f"{_by(grid.counts)} crops of {_by(grid.crop)} needs {_by(grid.size)}: build a cache "
            "of this size or change crops.counts and crops.size."
        )


def _by(sides: tuple[int, ...]) -> str:
    return " x ".join(map(str, sides))
