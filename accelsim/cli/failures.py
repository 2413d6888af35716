"""How a command ends: 0 done, 2 the user's input, 1 our failure, 130 interrupted."""

from __future__ import annotations

import errno
import traceback
from typing import Any, NoReturn

import click

from accelsim.errors import AccelsimError

__all__ = ["FAILURE", "INTERRUPTED", "USER_ERROR", "Commands"]

FAILURE = 1
USER_ERROR = 2
INTERRUPTED = 130

_PLEASE_REPORT = "This is a fault of accelsim itself. Please report it with the lines above."


class Commands(click.Group):
    """A group of commands whose failures become exit codes and messages in this one place."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
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
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise
            if _was_interrupted(error):
                _interrupted(ctx)
            click.echo(traceback.format_exc() + _PLEASE_REPORT, err=True)
            ctx.exit(FAILURE)


def _interrupted(ctx: click.Context) -> NoReturn:
    click.echo("interrupted", err=True)
    ctx.exit(INTERRUPTED)


def _was_interrupted(error: BaseException | None) -> bool:
    """Compiled modules turn an interruption while they are imported into an ImportError."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
