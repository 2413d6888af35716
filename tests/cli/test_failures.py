import contextlib
import errno
import signal
import sys

import click
import pytest
from click.testing import CliRunner

from accelsim.cli.failures import Commands
from accelsim.errors import ConfigError, InternalError
from accelsim.notices import tell


def end_with(error):
    @click.group(cls=Commands)
    def group():
        pass

    @group.command()
    def go():
        raise error

    return CliRunner().invoke(group, ["go"])


def test_the_users_mistake_is_its_message_alone():
    done = end_with(ConfigError("edge.yaml:7: array.colums: unknown field"))
    assert done.exit_code == 2
    assert done.stderr == "edge.yaml:7: array.colums: unknown field\n"


@pytest.mark.parametrize("error", [InternalError("sums differ"), ZeroDivisionError("division")])
def test_our_failure_is_a_traceback_to_report(error):
    done = end_with(error)
    assert done.exit_code == 1
    assert done.stderr.startswith("Traceback (most recent call last):\n")
    assert str(error) in done.stderr
    assert done.stderr.endswith(
        "This is a fault of accelsim itself. Please report it with the lines above.\n"
    )


def test_an_interruption():
    done = end_with(KeyboardInterrupt())
    assert done.exit_code == 130
    assert done.stderr == "interrupted\n"


def test_an_interruption_that_an_import_made_something_else_of():
    error = ImportError("initialization failed")
    error.__cause__ = KeyboardInterrupt()
    done = end_with(error)
    assert (done.exit_code, done.stderr) == (130, "interrupted\n")


def test_a_reader_that_went_away_is_not_our_failure():
    done = end_with(BrokenPipeError(errno.EPIPE, "Broken pipe"))
    assert done.exit_code == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENAMETOOLONG, errno.ENOSPC])
def test_what_the_system_says_of_a_place_is_one_line(number):
    done = end_with(OSError(number, "No way", "some/place"))
    assert (done.exit_code, done.stderr) == (2, "some/place: No way\n")


def test_other_failures_of_the_system_are_ours():
    assert end_with(OSError(errno.EBADF, "Bad file descriptor", "x")).exit_code == 1
    assert end_with(PermissionError("of nothing that has a name")).exit_code == 1


def test_names_that_no_system_takes(accelsim):
    for command in (["inspect"], ["report"], ["hardware", "check"]):
        done = accelsim(*command, "x" * 5000)
        assert done.exit_code == 2
        assert done.stderr == f"{'x' * 56}...: File name too long\n"


def test_clicks_own_usage_errors_stay_as_they_are():
    done = end_with(click.UsageError("no such thing"))
    assert done.exit_code == 2
    assert done.stderr.endswith("Error: no such thing\n")


def test_an_interruption_that_a_callback_lost():
    """As in a numba callback: the KeyboardInterrupt is swallowed and something else fails."""

    @click.group(cls=Commands)
    def group():
        pass

    @group.command()
    def go():
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        raise RuntimeError("no compiled object yet")

    handler = signal.getsignal(signal.SIGINT)
    done = CliRunner().invoke(group, ["go"])
    assert (done.exit_code, done.stderr) == (130, "interrupted\n")
    assert signal.getsignal(signal.SIGINT) is handler


@pytest.mark.parametrize(("watched", "shown"), [(True, "compiling ...\n"), (False, "")])
def test_notices_are_shown_to_whoever_watches(monkeypatch, watched, shown):
    @click.group(cls=Commands)
    def group():
        pass

    @group.command()
    def go():
        monkeypatch.setattr(sys.stderr, "isatty", lambda: watched)
        tell("compiling")

    done = CliRunner().invoke(group, ["go"])
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", shown)
