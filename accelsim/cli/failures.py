"""How a command ends: 0 done, 2 the user's input, 1 our failure, 130 interrupted."""

from __future__ import annotations

import errno
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from types import FrameType
from typing import Any, NoReturn

import click

from accelsim.errors import AccelsimError
from accelsim.notices import listening
from accelsim.units import shortened

__all__ = ["FAILURE", "INTERRUPTED", "USER_ERROR", "Commands"]

FAILURE = 1
USER_ERROR = 2
INTERRUPTED = 130

# What the system says of a place that the user gave, wherever it is met.
_PLACES = frozenset(
    {errno.EACCES, errno.EDQUOT, errno.EIO, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG}
    | {errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS}
)
_PLEASE_REPORT = "This is a fault of accelsim itself. Please report it with the lines above."


class Commands(click.Group):
    """A group of commands whose failures become exit codes and messages in this one place."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant; of one that is not there, say which may be."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(f"No such command {args[0]!r}.{self._meant(ctx, args[0])}", ctx)
        return super().resolve_command(ctx, args)

    def _meant(self, ctx: click.Context, word: str) -> str:
        known = {name: name for name in self.list_commands(ctx)}
        for name, command in self.commands.items():
            for own in command.commands if isinstance(command, click.Group) else ():
                known.setdefault(own, f"{name} {own}")
        close = get_close_matches(word, known, n=1)
        return f" (Did you mean '{known[close[0]]}'?)" if close else ""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        with _listening_for_interruptions() as interrupted, listening(_show):
            return self._invoke(ctx, interrupted)

    def _invoke(self, ctx: click.Context, interrupted: Callable[[], bool]) -> Any:
        try:
            return super().invoke(ctx)
        except AccelsimError as error:
            click.echo(str(error), err=True)
            ctx.exit(USER_ERROR)
        except KeyboardInterrupt:
            _interrupted(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if isinstance(error, OSError):
                if error.errno == errno.EPIPE:
                    raise
                if error.filename is not None and error.errno in _PLACES:
                    name = shortened(str(error.filename)).strip("'")
                    click.echo(f"{name}: {error.strerror}", err=True)
                    ctx.exit(USER_ERROR)
            if interrupted() or _was_interrupted(error):
                _interrupted(ctx)
            click.echo(traceback.format_exc() + _PLEASE_REPORT, err=True)
            ctx.exit(FAILURE)


def _show(notice: str) -> None:
    """Show a notice to whoever is watching."""
    if sys.stderr.isatty():
        # Not by click, which goes around the bar that may be on the screen.
        print(f"{notice} ...", file=sys.stderr)


@contextmanager
def _listening_for_interruptions() -> Iterator[Callable[[], bool]]:
    """Give a function that says whether Ctrl-C was pressed, whatever became of it.

    The compiler of the kernels loses a KeyboardInterrupt that meets one of its callbacks, and
    fails in some other way a moment later.
    """
    seen = threading.Event()
    standard = signal.getsignal(signal.SIGINT)
    ours = threading.current_thread() is threading.main_thread()
    if not ours or standard is not signal.default_int_handler:
        yield seen.is_set
        return

    def remember(number: int, frame: FrameType | None) -> None:
        seen.set()
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, remember)
    try:
        yield seen.is_set
    finally:
        signal.signal(signal.SIGINT, standard)


def _interrupted(ctx: click.Context) -> NoReturn:
    click.echo("interrupted", err=True)
    ctx.exit(INTERRUPTED)


def _was_interrupted(error: BaseException | None) -> bool:
    """Compiled modules turn an interruption while they are imported into an ImportError."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
