"""Cluster scores at the desk: by an encoder of the machine, or by a vector that an earlier request has brought."""

from routing.desk_context import Context
from routing.embedding_cache import key_of
from routing.embeddings import Unread, reading_of
from schemas.cluster_reading import ClusterReading


class Scores:
    """What one request's classification asks for scores (``routing.clusters.ClusterReader``)."""

    def __init__(self, context: Context, tenant: str, causation_id: str) -> None:
        """Bind the request."""
        self._context = context
        self._tenant = tenant
        self._causation_id = causation_id
        self.unread: Unread | None = None
        """Set where a vector is missing that a model could be asked for."""

    def __call__(self, clusters: str, text: str, /) -> ClusterReading | None:
        """Return the scores of a text; None: there are none, or not yet."""
        context = self._context
        table = context.config.clusters(clusters)
        if table is None or table.embedding is None:
            return context.globals.clusters(clusters, text, self._causation_id)
        if table.fault is not None or not text.strip():
            return None
        key = key_of(context.content_key, self._tenant, table.encoder, text)
        hits = tuple(table.hits(text))
        vector = context.state.embeddings.get(key, context.now_ms)
        reading = reading_of(table, vector, hits)
        if reading is None:
            self.unread = Unread(clusters, key, hits, len(text.encode("utf-8", "surrogatepass")))
        return reading
