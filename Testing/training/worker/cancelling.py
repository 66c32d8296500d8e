"""A job whose asker cancels it at one step of the work."""

from voco3d.worker.job import Job
from voco3d.worker.messages import Call, Request


class Channel:
    """Reads nothing, and cancels a job when it says what it does."""

    def __init__(self, what):
        self.what = what

    def send(self, message):
        if message.get("method") == "progress" and message["params"]["what"] == self.what:
            self.job.cancel()


def job_cancelled_at(method, what):
    """A job for a method that is cancelled when it begins with ``what``."""
    channel = Channel(what)
    channel.job = Job(Call(Request(1, method, {}, True), channel))
    return channel.job
