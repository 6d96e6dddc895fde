"""What an encoder says about a prompt: how close it is to each cluster of a document."""

from schemas.envelope import Frozen


class ClusterReading(Frozen):
    """How close a prompt is to each cluster of a document, as one encoder sees it; replay reads it, never the text."""

    clusters: str
    """``name@version`` of the document."""
    encoder: str
    scores: dict[str, float]
    """Cluster -> cosine to its centroid plus evidence of keywords and patterns, four decimals, in document order."""
