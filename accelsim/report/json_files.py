"""JSON documents of run folders, read as carefully as any file of a user's."""

from __future__ import annotations

import json
from pathlib import Path

from accelsim.errors import DataError
from accelsim.output_folder import reason

__all__ = ["read_json"]

_LARGEST_BYTES = 256 << 20


def read_json(path: Path) -> object:
    """Return the document in a file.

    Raises
    ------
    DataError
        If there is no such file, or it is too large or not JSON.
    """
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise DataError(f"{path}: larger than {_LARGEST_BYTES >> 20} MiB")
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file (not a run folder?)") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {reason(error)}") from None
    except RecursionError:
        raise DataError(f"{path}: not JSON of a run: nested too deeply") from None
    except ValueError as error:
        raise DataError(f"{path}: not JSON: {error}") from None
