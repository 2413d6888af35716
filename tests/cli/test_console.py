import io
import sys

from accelsim.cli.console import progress_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_silent_where_nobody_watches(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress_bar() as progress:
        progress("8", 0, 5)
    assert sys.stderr.getvalue() == ""


def test_progress_on_a_terminal_names_the_step(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar() as progress:
        progress("w4a8", 2, 5)
    assert "w4a8" in sys.stderr.getvalue()
    assert "2/5" in sys.stderr.getvalue()
