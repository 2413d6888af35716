"""The file of a store: how one is made, opened, and refused.

A new store is made beside its place and linked there when it is complete, so that the file of a
store is a store or is not there. What is not a store of this version is refused, never written to.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from accelsim.errors import ConfigError, InternalError
from accelsim.output_folder import reason

__all__ = ["SCHEMA_VERSION", "database_errors", "open_database"]

SCHEMA_VERSION = 2
_APPLICATION_ID = 0x61737377
"""``assw``: what SQLite itself writes into the header of the file."""
_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_BUSY_SECONDS = 60.0

_SCHEMA = """
CREATE TABLE spaces (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE TABLE points (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    version TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('done', 'failed', 'impossible')),
    reason TEXT NOT NULL,
    cycles_total INTEGER,
    cycles_per_image REAL,
    latency_us REAL,
    energy_uj REAL,
    edp_uj_us REAL,
    power_mw REAL,
    area_mm2 REAL,
    utilization_pct REAL,
    tops_per_w REAL,
    accuracy_pct REAL,
    accuracy_float_pct REAL,
    macs INTEGER,
    dram_bytes INTEGER,
    cycles_by_cause TEXT NOT NULL,
    energy_by_component_uj TEXT NOT NULL,
    CHECK ((status = 'done') = (energy_uj IS NOT NULL))
) STRICT;
CREATE TABLE members (
    space INTEGER NOT NULL REFERENCES spaces (id),
    choice TEXT NOT NULL,
    point INTEGER NOT NULL REFERENCES points (id),
    PRIMARY KEY (space, choice)
) STRICT, WITHOUT ROWID;
CREATE TABLE accuracies (
    key TEXT PRIMARY KEY,
    float_pct REAL,
    integer_pct REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE owners (
    id INTEGER PRIMARY KEY,
    host TEXT NOT NULL,
    process TEXT NOT NULL,
    seen REAL NOT NULL
) STRICT;
CREATE TABLE claims (
    key TEXT PRIMARY KEY,
    owner INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""


def open_database(path: Path, *, create: bool) -> sqlite3.Connection:
    """Open the store at ``path``, or make it.

    Raises
    ------
    ConfigError
        If there is none and none is to be made, or the file is something else, is damaged, or was
        written by another version. It is left as it is.
    """
    if not path.exists():
        if not create:
            raise ConfigError(f"{path}: no such store")
        _make(path)
    _refuse_other_files(path, create)
    with database_errors(path):
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            _check(path, connection)
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says of the disk or of a damaged file into the user's one line."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "full" in text:
            text = "the disk is full; what is stored is whole, and the same command goes on"
        raise ConfigError(f"{path}: {text}") from error
    except sqlite3.IntegrityError as error:
        raise InternalError(f"{path}: a row that no store may hold: {error}") from error
    except sqlite3.DatabaseError as error:
        raise ConfigError(
            f"{path}: is damaged ({error}); it is left as it is: restore it, or give another name"
        ) from error


def _make(path: Path) -> None:
    """Make an empty store; if another process is first, its store is the one."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}-")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be made: {reason(error)}") from None
    os.close(descriptor)
    partial = Path(name)
    try:
        with database_errors(path), closing(sqlite3.connect(partial)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(
                f"BEGIN; PRAGMA application_id = {_APPLICATION_ID};"
                f"PRAGMA user_version = {SCHEMA_VERSION}; {_SCHEMA} COMMIT;"
            )
        mask = os.umask(0)
        os.umask(mask)
        partial.chmod(0o666 & ~mask)
        os.link(partial, path)
    except FileExistsError:
        pass
    except OSError as error:
        raise ConfigError(f"{path}: cannot be made: {reason(error)}") from None
    finally:
        for leftover in partial.parent.glob(f"{partial.name}*"):
            leftover.unlink(missing_ok=True)


def _refuse_other_files(path: Path, create: bool) -> None:
    """Look at the header before SQLite does: it makes a database of an empty file."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {reason(error)}") from None
    hint = "give a new name" if create else "accelsim sweep writes one"
    if not header.startswith(_MAGIC) or len(header) < _HEADER_BYTES:
        raise ConfigError(f"{path}: is not a store of accelsim ({hint})")
    if int.from_bytes(header[68:72], "big") != _APPLICATION_ID:
        raise ConfigError(f"{path}: is a database of another program ({hint})")


def _check(path: Path, connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != SCHEMA_VERSION:
        age = "a newer" if version > SCHEMA_VERSION else "an older"
        raise ConfigError(
            f"{path}: was written by {age} accelsim (store version {version}, this one reads "
            f"{SCHEMA_VERSION}); sweep into a new file"
        )
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(" ".join(str(found).split()))
    connection.execute("PRAGMA synchronous = NORMAL")
