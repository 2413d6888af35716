"""A store's points as files: CSV, or Parquet with the extra ``parquet``."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from accelsim.errors import ConfigError
from accelsim.output_folder import reason
from accelsim.sweeps.read_store import StoredSpace, read_rows, table, write_csv
from accelsim.sweeps.store import Store

__all__ = ["export_rows", "whole_file"]


def export_rows(store: Store, stored: StoredSpace, output: Path | None) -> int:
    """Write the points of a space to a file, or as CSV to stdout; return how many.

    The file takes its place when it is complete.

    Raises
    ------
    ConfigError
        If it cannot be written, is of another kind, or Parquet's library is missing.
    """
    rows = table(stored, read_rows(store, stored))
    if output is None:
        return write_csv(rows, sys.stdout)
    if output.suffix == ".csv":
        with whole_file(output) as partial, partial.open("w", newline="", encoding="utf-8") as file:
            return write_csv(rows, file)
    if output.suffix == ".parquet":
        return _write_parquet(rows, output)
    raise ConfigError(f"--output {output}: must end in .csv or .parquet")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a file to write to that takes ``path``'s place only if nothing goes wrong."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}-")
    except OSError as error:
        raise ConfigError(f"--output {path}: cannot be written: {reason(error)}") from None
    os.close(descriptor)
    partial = Path(name)
    try:
        yield partial
        mask = os.umask(0)
        os.umask(mask)
        partial.chmod(0o666 & ~mask)
        partial.replace(path)
    except OSError as error:
        raise ConfigError(f"--output {path}: cannot be written: {reason(error)}") from error
    finally:
        partial.unlink(missing_ok=True)


def _write_parquet(rows: Iterator[dict[str, Any]], output: Path) -> int:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ConfigError(
            "--output: Parquet needs pyarrow: pip install 'accelsim[parquet]'"
        ) from None
    records = list(rows)
    with whole_file(output) as partial:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), partial)
    return len(records)
