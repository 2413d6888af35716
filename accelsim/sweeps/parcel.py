"""Objects that many jobs need, on their way to workers: packed once, unpacked once by each."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, TypeVar, cast

__all__ = ["Parcel"]

Content = TypeVar("Content")


@dataclass(frozen=True)
class Parcel(Generic[Content]):
    """An object as bytes, known by their SHA-256 digest.

    A network's shapes take milliseconds to pack and to unpack, as long as a small design takes to
    compute; their bytes take none.
    """

    digest: bytes
    packed: bytes = field(compare=False, repr=False)

    @classmethod
    def of(cls, content: Content) -> Parcel[Content]:
        """Pack an object."""
        packed = pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL)
        return cls(hashlib.sha256(packed).digest(), packed)

    def content(self) -> Content:
        """Return the object: in one process the same one each time, which nobody may change."""
        return cast(Content, _unpacked(self))


@lru_cache(maxsize=64)
def _unpacked(parcel: Parcel[Any]) -> Any:
    return pickle.loads(parcel.packed)
