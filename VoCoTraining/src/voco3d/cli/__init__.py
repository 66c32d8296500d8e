"""The command line: thin, one file a command."""

from voco3d.cli.main import main

__all__ = ["main"]
