"""The worker's log stays small whatever comes."""

from VoCoSlicerLib.worker import log
from VoCoSlicerLib.worker.log import Log


def test_bytes_may_be_cut_inside_a_character():
    lines = Log()
    for byte in "Größe\n".encode():
        lines.feed(bytes([byte]))
    assert lines.take() == lines.tail() == "Größe\n"
    assert lines.take() == ""


def test_what_is_no_text_does_not_matter():
    lines = Log()
    lines.feed(b"a\xff\xfeb")
    assert lines.tail() == "a\ufffd\ufffdb"


def test_of_a_flood_the_end_is_kept_and_the_rest_is_counted():
    lines = Log()
    for _ in range(100):
        lines.feed(b"x" * 9999 + b"\n")
    assert len(lines.tail()) == log.KEPT
    shown = lines.take()
    assert shown.startswith(f"[{1_000_000 - log.SHOWN} characters left out]\n")
    assert len(shown) < log.SHOWN + 50
    lines.add("y")
    assert lines.take() == "y"


def test_a_line_of_ours_stands_by_itself():
    lines = Log()
    lines.add_line("first")
    lines.add("cut")
    lines.add_line("second")
    assert lines.tail() == "first\ncut\nsecond\n"


def test_a_new_process_starts_a_new_log_and_nothing_unseen_is_lost():
    lines = Log()
    lines.add("old")
    lines.start_again()
    lines.add("new")
    assert lines.tail() == "new"
    assert lines.take() == "oldnew"
