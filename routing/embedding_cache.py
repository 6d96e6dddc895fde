"""Vectors of texts that an encoder was asked about, kept for the next request with the same text (SPEC R6).

Part of the folded state of a partition: what a run of history finds here is what the live router found. A key is a
keyed hash over tenant, encoder and text, so no text can be read from it, or guessed, and no tenant finds another's.
"""

import hashlib
import heapq
from typing import Final

import orjson

MOST: Final = 4096
"""Kept vectors of one partition; beyond it those that end first go."""
KIND: Final = "embedding"
"""Of its keys in the change log."""


def key_of(secret: bytes, tenant: str, encoder: str, text: str) -> str:
    """Return the key of a text's vector: BLAKE2b under the installation's content key."""
    content = orjson.dumps([tenant, encoder]) + text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(content, key=secret[:64], digest_size=16).hexdigest()


class EmbeddingCache:
    """Key -> packed vector, bounded in time and number; which entries are kept never depends on a restart."""

    def __init__(self, most: int = MOST) -> None:
        """Start empty."""
        self._most = most
        self._vectors: dict[str, str] = {}
        self._ends: dict[str, int] = {}
        self._expiring: list[tuple[int, str]] = []
        self._dirty: dict[str, bytes | None] = {}

    def __len__(self) -> int:
        """Return how many vectors are kept."""
        return len(self._vectors)

    def get(self, key: str, now_ms: int) -> str | None:
        """Return the packed vector of a key, if it still counts."""
        return self._vectors.get(key) if self._ends.get(key, 0) >= now_ms else None

    def put(self, key: str, vector: str, until_ms: int) -> None:
        """Keep a vector; of two for one text, asked for at the same time, the first stays."""
        if key in self._vectors:
            return
        self._vectors[key] = vector
        self._ends[key] = until_ms
        heapq.heappush(self._expiring, (until_ms, key))
        self._dirty[f"{KIND}/{key}"] = orjson.dumps([vector, until_ms])

    def prune(self, now_ms: int) -> None:
        """Forget what has ended, and what is too much."""
        heap = self._expiring
        while heap and (heap[0][0] < now_ms or len(heap) > self._most):
            _, key = heapq.heappop(heap)
            del self._vectors[key], self._ends[key]
            self._dirty[f"{KIND}/{key}"] = None

    def drain(self) -> dict[str, bytes | None]:
        """Return the newest value of every state key changed since the last call; None is a tombstone."""
        dirty, self._dirty = self._dirty, {}
        return dirty

    def load(self, key: str, value: bytes) -> None:
        """Take over an entry of the change log."""
        name = key.partition("/")[2]
        self._vectors[name], self._ends[name] = orjson.loads(value)
        heapq.heappush(self._expiring, (self._ends[name], name))
