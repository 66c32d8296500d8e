"""The worker with jobs that follow a script instead of segmenting: they need no PyTorch."""

import os
import subprocess
import sys
import time
from pathlib import Path

from voco3d.errors import VoCoError
from voco3d.worker import methods
from voco3d.worker.__main__ import main
from voco3d.worker.messages import BUG
from voco3d.writing import write_aside


def steps(params, job):
    steps, total = params.count_or_none("steps") or 5, params.count_or_none("total") or 5
    pause = params.number_or_none("pause") or 0.05
    for done in range(steps):
        job.progress(done, total, "stepping")
        time.sleep(pause)
    return {"steps": "done"}


def stuck(params, job):
    """Deep in a library: no progress, no check."""
    time.sleep(params.number_or_none("seconds") or 0)
    return {"stuck": "no more"}


def write(params, job):
    """A writer that takes long before, while and after it writes."""
    output = Path(params.text("output"))
    job.outputs = (output,)
    before, during, after = (params.number_or_none(n) or 0 for n in ("before", "during", "after"))

    def slowly(part):
        job.progress(0, 1, "writing")
        time.sleep(before)
        with part.open("ab") as file:
            file.write(b"half")
            file.flush()
            time.sleep(during)
            file.write(b" and half")
        job.commit()

    write_aside(output, slowly)
    time.sleep(after)
    return {"output": str(output)}


def chatter(params, job):
    print("a library prints")
    sys.stdout.write('{"jsonrpc": "2.0", "id": 1, "result": "false"}\n')
    sys.stdout.flush()
    os.write(1, b"\0C code prints\n")
    said = subprocess.run(
        [sys.executable, "-c", "import sys; print('a child prints', repr(sys.stdin.read()))"],
        check=True,
    )
    return {"child": said.returncode}


def bug(params, job):
    raise KeyError(params.text("path"))


def user_error(params, job):
    raise VoCoError("The picture hangs crooked: straighten it.")


def no_memory(params, job):
    raise MemoryError


def leave(params, job):
    raise SystemExit(BUG)


def not_a_number(params, job):
    return {"value": float("nan")}


SCRIPTS = (steps, stuck, write, chatter, bug, user_error, no_memory, leave, not_a_number)

if __name__ == "__main__":
    methods.LONG = {
        script.__name__: lambda _, params, job, script=script: script(params, job)
        for script in SCRIPTS
    }
    from voco3d.worker import server

    server.LONG = methods.LONG
    main()
