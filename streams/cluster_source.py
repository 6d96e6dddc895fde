"""Where a stage gets cluster scores: the encoder a document names, behind a bounded memo; gaps are said once."""

import hashlib
from collections.abc import Callable
from typing import Final

import structlog

from routing.catalog import CompiledConfig
from routing.clusters import ClusterReader, ClusterTable
from routing.encoder import Encoder, Vector
from schemas.cluster_reading import ClusterReading
from schemas.control_policy import PolicyDocument
from schemas.control_tenant import TenantDocument
from streams import encoders
from streams.encoder_errors import EncoderUnavailableError

log = structlog.get_logger()
_MEMO: Final = 4096


def tables_in_use(config: CompiledConfig) -> list[ClusterTable]:
    """Return the clusters that tenants' policies name, by name."""
    tenants = [found for found in config.documents("tenant") if isinstance(found, TenantDocument)]
    policies = [config.document("policy", reference) for reference in sorted({tenant.policy for tenant in tenants})]
    named = {
        policy.clusters.document
        for policy in policies
        if isinstance(policy, PolicyDocument) and policy.clusters is not None
    }
    tables = (config.clusters(reference) for reference in sorted(named))
    return [table for table in tables if table is not None]


class EncoderMemo:
    """An encoder that remembers the vectors of its last texts, by their hash; it never changes an answer."""

    def __init__(self, encoder: Encoder, limit: int = _MEMO) -> None:
        """Wrap an encoder; at most ``limit`` vectors are kept, the oldest goes first."""
        self._encoder = encoder
        self._limit = limit
        self._known: dict[bytes, Vector] = {}

    @property
    def id(self) -> str:
        """Name, with the version of weights and arithmetic."""
        return self._encoder.id

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return self._encoder.dimension

    @property
    def exact(self) -> bool:
        """Whether the same text gives the same vector on any machine."""
        return self._encoder.exact

    def __len__(self) -> int:
        """How many vectors are kept."""
        return len(self._known)

    def encode(self, text: str) -> Vector:
        """Return the vector of a text."""
        key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        found = self._known.get(key)
        if found is None:
            found = self._encoder.encode(text)
            found.flags.writeable = False
            if len(self._known) >= self._limit:
                del self._known[next(iter(self._known))]
            self._known[key] = found
        return found


class ClusterSource:
    """Reads texts against tables. Encoders load when first asked for; without one there are no scores."""

    def __init__(self, load: Callable[[str], Encoder] = encoders.load) -> None:
        """Bind the loader."""
        self._load = load
        self._encoders: dict[str, EncoderMemo | None] = {}
        self._told: set[str] = set()

    def read(self, table: ClusterTable, text: str) -> ClusterReading | None:
        """Return the scores of what ``centroids.sampled`` makes of a prompt, or None."""
        if table.fault is not None:
            self._tell(table.reference, table.fault, f"pointsman clusters rebuild {table.document.name}")
            return None
        if table.embedding is not None:
            return None  # the desk reads the vectors that events have brought
        encoder = self._encoder(table.encoder)
        return None if encoder is None else table.read(text, encoder)

    def reader(self, config: CompiledConfig) -> ClusterReader:
        """Return what gives classification the scores of the clusters of a config."""

        def read(clusters: str, text: str, /) -> ClusterReading | None:
            table = config.clusters(clusters)
            return None if table is None else self.read(table, text)

        return read

    def prepare(self, config: CompiledConfig) -> None:
        """Load what the tenants' policies ask for, so that no request waits for it, and say what is missing."""
        for table in tables_in_use(config):
            self.read(table, "")

    def _encoder(self, name: str) -> EncoderMemo | None:
        if name not in self._encoders:
            try:
                self._encoders[name] = EncoderMemo(self._load(name))
            except EncoderUnavailableError as error:
                self._encoders[name] = None
                self._tell(name, str(error), error.next)
        return self._encoders[name]

    def _tell(self, what: str, reason: str, following: str) -> None:
        if what not in self._told:
            self._told.add(what)
            log.warning("clusters not used", what=what, reason=reason, next=following)
