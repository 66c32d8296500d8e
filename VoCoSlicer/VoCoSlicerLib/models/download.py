"""Download one file: run as a script, in a process of its own.

``python download.py ADDRESS FILE`` writes beside the file and moves it there at the end. A line
``DONE TOTAL`` (bytes, total 0 if unknown) goes to standard output for every megabyte; the cause of
a failure goes to standard error, in one sentence, with exit code 1.
"""

import sys
import urllib.error
import urllib.request
from pathlib import Path

PIECE = 1 << 20


def download(address: str, file: Path) -> None:
    """Download to ``file``; a failure leaves nothing.

    Raises:
        OSError: The server cannot be reached, or the file cannot be written.
    """
    part = file.with_name(f"{file.name}.part")
    try:
        with urllib.request.urlopen(address, timeout=30) as answer, part.open("wb") as target:
            total = int(answer.headers.get("Content-Length") or 0)
            done = 0
            while piece := answer.read(PIECE):
                target.write(piece)
                done += len(piece)
                print(done, total, flush=True)
        if total and done != total:
            raise OSError(f"the connection ended after {done} of {total} bytes")
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    """Run as a script."""
    address, file = arguments
    try:
        download(address, Path(file))
    except (OSError, ValueError) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        print(f"The download failed: {cause}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
