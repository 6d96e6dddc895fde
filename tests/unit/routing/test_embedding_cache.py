"""Kept vectors: by keyed hash of tenant, encoder and text; bounded; the same entries whether restarted or not (R6)."""

from hypothesis import given
from hypothesis import strategies as st

from routing.embedding_cache import EmbeddingCache, key_of

Step = tuple[str, int, int]


def test_a_key_belongs_to_one_tenant_encoder_text_and_installation() -> None:
    """Keys differ with every part, and where parts run into each other (X3)."""
    base = (b"secret", "acme", "e-1", "a text")
    others = [
        (b"another", "acme", "e-1", "a text"),
        (b"secret", "acme2", "e-1", "a text"),
        (b"secret", "acme", "e-2", "a text"),
        (b"secret", "acme", "e-1", "a text "),
        (b"secret", "acm", "ee-1", "a text"),
        (b"secret", "acme", "e-", "1a text"),
    ]
    assert len({key_of(*parts) for parts in (base, *others)}) == 7
    assert key_of(*base) == key_of(*base)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(1, 40), st.integers(0, 9)), max_size=40))
def test_a_restart_keeps_the_same_vectors(steps: list[Step]) -> None:
    """Whatever is put in and forgotten, a cache restored from its change log answers like one that never stopped."""
    lasting, restarted, log, now = EmbeddingCache(4), EmbeddingCache(4), dict[str, bytes](), 0
    for key, ttl, later in steps:
        now += later
        for cache in (lasting, restarted):
            cache.put(key, f"vector of {key} at {now}", now + ttl)
            cache.prune(now)
        for name, value in restarted.drain().items():
            if value is None:
                log.pop(name, None)
            else:
                log[name] = value
        restarted = EmbeddingCache(4)
        for name in sorted(log, reverse=True):
            restarted.load(name, log[name])
        assert len(lasting) == len(restarted) == len(log) <= 4
        for wanted in "abcdefgh":
            assert lasting.get(wanted, now) == restarted.get(wanted, now)
