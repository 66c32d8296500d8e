"""``python -m voco3d.worker``."""

import argparse

from voco3d.worker.channel import Channel
from voco3d.worker.server import Server


def main() -> None:
    """Serve until told to stop, or until nobody is there any more."""
    parser = argparse.ArgumentParser(prog="python -m voco3d.worker", description=__doc__)
    parser.add_argument(
        "--idle",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="how long a model stays in memory without work (default: %(default)g)",
    )
    Server(Channel.take_standard_streams(), parser.parse_args().idle).run()


if __name__ == "__main__":
    main()
