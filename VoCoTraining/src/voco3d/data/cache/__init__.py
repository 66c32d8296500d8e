"""Volumes prepared once for training: built from a data set, read in milliseconds."""

from voco3d.data.cache.building import BuildReport, build_cache, remove_unfinished
from voco3d.data.cache.cache import Cache, open_cache
from voco3d.data.cache.index import CachedVolume
from voco3d.data.cache.sources import SourceState, source_states

__all__ = [
    "BuildReport",
    "Cache",
    "CachedVolume",
    "SourceState",
    "build_cache",
    "open_cache",
    "remove_unfinished",
    "source_states",
]
