"""The store: every point of every sweep that wrote to a file, each whole or not there.

A point is *claimed* before it is computed, so that two sweeps on one store never compute the same
one; the claims of a process that is gone are void. One transaction brings a batch of results,
their places in the space, and ends their claims.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any

from accelsim.sweeps.axes import Choice
from accelsim.sweeps.keys import canonical_json
from accelsim.sweeps.networks import Accuracy
from accelsim.sweeps.processes import process_name, process_number
from accelsim.sweeps.result_version import result_version
from accelsim.sweeps.space import Space
from accelsim.sweeps.space_document import space_document
from accelsim.sweeps.store_file import database_errors, open_database
from accelsim.sweeps.stored_point import (
    POINT_COLUMNS,
    RESULT_COLUMNS,
    Result,
    StoredPoint,
    choice_text,
    point_row,
    read_choice,
    read_result,
)

__all__ = ["HEARTBEAT_SECONDS", "Store"]

HEARTBEAT_SECONDS = 10.0
_SILENT_SECONDS = 12 * HEARTBEAT_SECONDS
"""A process of another host that was silent for so long is taken for dead."""
_AT_ONCE = 500
"""Keys in one question to SQLite."""

_RESULT = ", ".join(RESULT_COLUMNS)


class Store:
    """A store that is open. ``space`` is set by `enter`, before anything is written."""

    def __init__(self, path: str | Path, *, create: bool = False) -> None:
        """Open a store; see `accelsim.sweeps.store_file.open_database` for what is refused."""
        self.path = Path(path)
        self._database = open_database(self.path, create=create)
        self._space = 0
        self._owner = 0

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back what is claimed and close the file."""
        try:
            if self._owner:
                self._end_claims([self._owner])
        except sqlite3.Error:
            pass  # The claims of a process that is gone are void anyway.
        finally:
            self._owner = 0
            self._database.close()

    def enter(self, space: Space, inputs: Mapping[str, str]) -> None:
        """Say which space is swept from now on, and that this process is at work.

        ``inputs``: the hashes of the networks, data and tables that the space names. The same
        space with other inputs, or run by other code, is another one.
        """
        document = space_document(space) | {"inputs": inputs, "version": result_version()}
        digest = sha256(canonical_json(document).encode()).hexdigest()
        text = json.dumps(document | {"text": space.text}, ensure_ascii=False)
        with self._transaction() as database:
            database.execute(
                "INSERT OR IGNORE INTO spaces (digest, name, document) VALUES (?, ?, ?)",
                (digest, space.name, text),
            )
            row = database.execute("SELECT id FROM spaces WHERE digest = ?", (digest,)).fetchone()
            self._space = row[0]
            self._owner = database.execute(
                "INSERT INTO owners (host, process, seen) VALUES (?, ?, ?) RETURNING id",
                (socket.gethostname(), process_name(os.getpid()), time.time()),
            ).fetchone()[0]
        self.end_void_claims()

    def heartbeat(self) -> None:
        """Say that this process is still at work."""
        with self._transaction() as database:
            database.execute("UPDATE owners SET seen = ? WHERE id = ?", (time.time(), self._owner))

    def end_void_claims(self) -> None:
        """End the claims of processes that are gone."""
        host, now = socket.gethostname(), time.time()
        gone = [
            owner
            for owner, where, process, seen in self._rows("SELECT * FROM owners")
            if (process != process_name(process_number(process)) if where == host else False)
            or now - seen > _SILENT_SECONDS
        ]
        if gone:
            self._end_claims(gone)

    def members(self) -> dict[Choice, Result]:
        """Return the points of this space that are stored."""
        query = f"SELECT choice, {_RESULT} FROM members JOIN points ON points.id = point"
        rows = self._rows(f"{query} WHERE space = ?", (self._space,))
        return {read_choice(choice): read_result(*row) for choice, *row in rows}

    def results(self, keys: Sequence[str]) -> dict[str, Result]:
        """Return what is stored of the points with these keys."""
        return {
            row[0]: read_result(*row)
            for some in _pieces(keys)
            for row in self._rows(
                f"SELECT {_RESULT} FROM points WHERE key IN ({_marks(some)})", tuple(some)
            )
        }

    def claim(self, keys: Sequence[str]) -> set[str]:
        """Claim points to compute; return those that nobody else has claimed or stored."""
        mine = set()
        with self._transaction() as database:
            known = self.results(keys)
            for key in keys:
                if key in known:
                    continue
                done = database.execute(
                    "INSERT OR IGNORE INTO claims (key, owner) VALUES (?, ?)", (key, self._owner)
                )
                if done.rowcount:
                    mine.add(key)
        return mine

    def claimed(self, keys: Sequence[str]) -> set[str]:
        """Return those of some points that this sweep or another has claimed."""
        return {
            row[0]
            for some in _pieces(keys)
            for row in self._rows(
                f"SELECT key FROM claims WHERE key IN ({_marks(some)})", tuple(some)
            )
        }

    def put(self, points: Iterable[StoredPoint]) -> None:
        """Store points, their places in the space, and end their claims: all or nothing."""
        points = list(points)
        marks = _marks(POINT_COLUMNS)
        with self._transaction() as database:
            database.executemany(
                f"INSERT INTO points ({', '.join(POINT_COLUMNS)}) VALUES ({marks}) "
                "ON CONFLICT (key) DO NOTHING",
                map(point_row, points),
            )
            self._add_members([(point.key, point.choice) for point in points])
            database.executemany(
                "DELETE FROM claims WHERE key = ?", [(point.key,) for point in points]
            )

    def add_members(self, places: Sequence[tuple[str, Choice]]) -> None:
        """Say that stored points are points of this space, too."""
        with self._transaction():
            self._add_members(places)

    def forget_failures(self) -> int:
        """Remove the points of this space that failed, so that they are tried again."""
        with self._transaction() as database:
            rows = database.execute(
                "SELECT id FROM points JOIN members ON members.point = points.id "
                "WHERE space = ? AND status = 'failed'",
                (self._space,),
            ).fetchall()
            database.executemany("DELETE FROM members WHERE point = ?", rows)
            database.executemany("DELETE FROM points WHERE id = ?", rows)
        return len(rows)

    def accuracy(self, key: str) -> Accuracy | None:
        """Return a measured accuracy."""
        found = "SELECT float_pct, integer_pct FROM accuracies WHERE key = ?"
        rows = list(self._rows(found, (key,)))
        return Accuracy(*rows[0]) if rows else None

    def put_accuracy(self, key: str, accuracy: Accuracy) -> None:
        """Store a measured accuracy."""
        with self._transaction() as database:
            database.execute(
                "INSERT OR IGNORE INTO accuracies VALUES (?, ?, ?)",
                (key, accuracy.float_pct, accuracy.integer_pct),
            )

    def rows(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield what a question to the tables gives, for the readers of this room."""
        yield from self._rows(query, values)

    def _add_members(self, places: Sequence[tuple[str, Choice]]) -> None:
        self._database.executemany(
            "INSERT OR IGNORE INTO members SELECT ?, ?, id FROM points WHERE key = ?",
            [(self._space, choice_text(choice), key) for key, choice in places],
        )

    def _end_claims(self, owners: Sequence[int]) -> None:
        with self._transaction() as database:
            marked = [(owner,) for owner in owners]
            database.executemany("DELETE FROM claims WHERE owner = ?", marked)
            database.executemany("DELETE FROM owners WHERE id = ?", marked)

    def _rows(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        with database_errors(self.path):
            yield from self._database.execute(query, tuple(values))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with database_errors(self.path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise


def _pieces(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _AT_ONCE):
        yield keys[start : start + _AT_ONCE]


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
