"""A worker for tests that misbehaves in the way its argument says; without torch and voco3d."""

import json
import os
import signal
import sys
import threading
import time

fault = sys.argv[1] if len(sys.argv) > 1 else "none"
channel = sys.stdout.buffer
writing = threading.Lock()
greeted = threading.Event()


def write(data: bytes) -> None:
    with writing:
        channel.write(data)
        channel.flush()


def send(**message: object) -> None:
    write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


def notify(method: str, **params: object) -> None:
    send(method=method, params=params)


def beat() -> None:
    while fault != "silent from the start":
        if fault == "chatters" and greeted.is_set():
            write(b"still here\n")
        else:
            notify("heartbeat")
        time.sleep(0.05)


def hello(number: int) -> None:
    if fault == "never greets":
        return
    result = {
        "protocol": 2 if fault == "other protocol" else 1,
        "versions": {"voco3d": "0.1.0", "python": "3.11.7", "torch": "2.13.0"},
        "devices": [{"name": "cpu", "title": "CPU", "memory": 2**33, "total": 2**34}],
        "threads": 2,
    }
    if fault == "has a graphics card":
        card = {"name": "cuda", "title": "A graphics card", "memory": 20 * 2**30}
        result["devices"].append({**card, "total": 24 * 2**30})
    send(id=number, result=result)
    greeted.set()


def segment(number: int, params: dict) -> None:
    sys.stderr.write("asked to segment\n")
    sys.stderr.flush()
    notify("progress", id=number, done=1, total=4, what="segmenting", seconds_left=None)
    if fault == "kills itself":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "crashes":
        os.kill(os.getpid(), signal.SIGSEGV)
    if fault == "exits":
        sys.stderr.write("RuntimeError: something broke\n")
        sys.stderr.flush()
        os._exit(3)
    if fault == "hangs":
        os.kill(os.getpid(), signal.SIGSTOP)
    if fault == "closes its input":
        os.close(0)
        notify("note", id=number, text="closed")
        time.sleep(60)
    if fault == "dies in a result":
        write(b'{"jsonrpc": "2.0", "id": %d, "result": {"outp' % number)
        os._exit(0)
    if fault == "half a message":
        result = {"output": "\u00fc"}
        line = json.dumps({"jsonrpc": "2.0", "id": number, "result": result}, ensure_ascii=False)
        *pieces, last = (bytes([byte]) for byte in line.encode() + b"\n")
        with writing:
            for piece in pieces:
                channel.write(piece)
                channel.flush()
                time.sleep(0.001)
            channel.write(last)
            channel.flush()
        return
    if fault == "huge message":
        write(b'{"jsonrpc": "2.0", "id": %d, "result": "' % number)
        while True:
            write(b"x" * 65536)
    if fault == "big message":
        send(id=number, result={"structures": ["x" * 100] * 30000})
        return
    if fault == "floods stderr":
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            os.write(2, b"warning: something is not as it should be \xc3\xbc\n" * 500)
    if fault == "floods stdout":
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            write(b"Loading...\n" * 3000)
    if fault == "floods progress":
        for step in range(30000):
            notify("progress", id=number, done=step, total=30000, what="W", seconds_left=1.0)
    if fault == "prints rubbish":
        write(b'\x00\xff\xfe rubbish {\n{}\n[1]\n{"id": 1}\n\n{{{\n' + b"[" * 100000 + b"\n")
        write(b'{"a":' * 100000 + b"\n")
        notify("progress", id="x", done=None, total=1e400, what="", seconds_left="")
        notify("note", id=number)
        notify("unknown", id=number)
    if fault == "answers an unknown id":
        send(id=4711, result={"output": "of somebody else"})
        send(id=None, error={"code": -32700, "message": "?"})
    if fault == "answers nonsense":
        send(id=number, error="?")
        return
    if fault in ("ignores cancel", "is slow", "chatters"):
        return
    notify("note", id=number, text="How it lies cannot be told.")
    notify("progress", id=number, done=4, total=4, what="segmenting", seconds_left=0.0)
    send(id=number, result={"output": params.get("output")})


def main() -> None:
    threading.Thread(target=beat, daemon=True).start()
    running = None
    for line in sys.stdin.buffer:
        request = json.loads(line)
        number, method, params = request["id"], request["method"], request["params"]
        if method == "hello":
            hello(number)
        elif method == "pid":
            send(id=number, result=os.getpid())
        elif method == "sleep":
            time.sleep(params["seconds"])
            send(id=number, result="rested")
        elif method == "variables":
            send(id=number, result=dict(os.environ))
        elif method == "segment":
            running = number
            segment(number, params)
        elif method == "cancel" and fault != "ignores cancel":
            send(id=params["id"], error={"code": 2, "message": "Cancelled."})
            send(id=number, result={"cancelled": params["id"] == running})
        elif method == "fail":
            send(id=number, error={"code": params["code"], "message": "No.", "data": params})
    if fault == "ignores the end":
        time.sleep(60)


if fault == "exits at start":
    sys.exit(5)
if fault == "starts slowly":
    time.sleep(1.5)
if fault == "prints at start":
    print("Welcome to this library!", flush=True)
main()
