"""A program that talks to the worker over its pipes."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

PATIENCE = 240.0
"""Seconds until a test gives up: importing PyTorch can take long on a busy machine."""

WORKER = (sys.executable, "-m", "voco3d.worker")


class Client:
    """Starts a worker and keeps what it says.

    Args:
        folder: For its log.
        command: What is started.
        arguments: Of it.
    """

    def __init__(self, folder, command=WORKER, arguments=()):
        self.log = Path(folder) / "log.txt"
        self.process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log.open("wb"),
        )
        self.messages = []  # (time, message), in order
        self.rubbish = []
        self._news = threading.Condition()
        self._next = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            with self._news:
                try:
                    self.messages.append((time.monotonic(), json.loads(line)))
                except ValueError:
                    self.rubbish.append(line)
                self._news.notify_all()

    def write(self, line: bytes):
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def ask(self, method, **params):
        """Send a request and return its id."""
        self._next += 1
        message = {"jsonrpc": "2.0", "id": self._next, "method": method, "params": params}
        self.write(json.dumps(message).encode() + b"\n")
        return self._next

    def wait(self, wanted, patience=PATIENCE):
        """The first message of which ``wanted`` is true, with its time."""
        end = time.monotonic() + patience
        with self._news:
            while True:
                for when, message in self.messages:
                    if wanted(message):
                        return when, message
                left = end - time.monotonic()
                if not self._news.wait(max(0, left)) and left <= 0:
                    said = [m for _, m in self.messages if m.get("method") != "heartbeat"]
                    raise TimeoutError(f"nothing came; last: {said[-5:]}; {self.log.read_text()}")

    def answer(self, id, patience=PATIENCE):
        return self.wait(lambda m: m.get("id") == id and "method" not in m, patience)[1]

    def result(self, method, **params):
        """What a request gives."""
        answer = self.answer(self.ask(method, **params))
        assert "result" in answer, answer
        return answer["result"]

    def error(self, method, **params):
        """The code and the sentence that a request is refused with."""
        answer = self.answer(self.ask(method, **params))
        assert "error" in answer, answer
        return answer["error"]["code"], answer["error"]["message"]

    def told(self, method, id):
        """All notifications of a request so far."""
        return [
            (when, m["params"])
            for when, m in list(self.messages)
            if m.get("method") == method and m["params"].get("id") == id
        ]

    def started(self, id):
        """When the first progress of a request came."""
        return self.wait(lambda m: m.get("method") == "progress" and m["params"]["id"] == id)[0]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
