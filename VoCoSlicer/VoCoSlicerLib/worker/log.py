"""The worker's log: a flood of text must neither fill the memory nor keep the window busy."""

import codecs

KEPT = 64 * 1024  # characters, for the details of an error
SHOWN = 8 * 1024  # characters at a time


class Log:
    """Text that comes in pieces: its end is kept, and what is new can be taken in small parts."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._kept = ""
        self._new = ""
        self._left_out = 0

    def feed(self, data: bytes) -> None:
        """Add bytes as they come from a pipe, cut anywhere."""
        self.add(self._decoder.decode(data))

    def add_line(self, text: str) -> None:
        """Add a line of its own."""
        start = "\n" if self._kept and not self._kept.endswith("\n") else ""
        self.add(f"{start}{text}\n")

    def add(self, text: str) -> None:
        """Add text."""
        self._kept = (self._kept + text)[-KEPT:]
        new = self._new + text
        self._new = new[-SHOWN:]
        self._left_out += len(new) - len(self._new)

    def start_again(self) -> None:
        """Forget the text that was kept; what was not taken yet can still be taken."""
        self._kept = ""

    def tail(self) -> str:
        """The end of the text since the start."""
        return self._kept

    def take(self) -> str:
        """The text since the last call; of a flood only the end, and how much is left out."""
        text = self._new
        if self._left_out:
            text = f"[{self._left_out} characters left out]\n{text}"
        self._new, self._left_out = "", 0
        return text
