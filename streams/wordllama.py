"""The encoder of the `wordllama` wheel: weights and word pieces are read from its files, its own code is not run.

Its loader looks online for the tokenizer that lies beside the weights. Weights are half-precision numbers; times 2^12
and rounded they are whole numbers of 16 bits, once, and all that follows is exact.
"""

import hashlib
import importlib.util
import json
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from routing.static_encoder import Pieces, StaticEncoder, Table
from streams.encoder_errors import EncoderUnavailableError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

NAME: Final = "wordllama-256-v1"
_INSTALL: Final = "pip install 'pointsman[encoder]'"
_WEIGHTS: Final = "weights/l2_supercat_256.safetensors"
_PIECES: Final = "tokenizers/l2_supercat_tokenizer_config.json"
_SHA256: Final = {
    _WEIGHTS: "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5",
    _PIECES: "bf467c9e0f536bda271283c6ef85eb1a943e3196b621c8a912d64953b205df83",
}
"""That of the word pieces without white space at the end, in which releases differ."""
_SCALE: Final = 1 << 12
_BEGIN: Final = "\u2581"
"""What the first piece of a word begins with."""
_LARGEST: Final = 32_767


def is_at_hand() -> bool:
    """Whether the wheel and its word-piece library are installed; what is in the files is looked at when loaded."""
    folder = _folder()
    return (
        folder is not None
        and all((folder / name).is_file() for name in _SHA256)
        and importlib.util.find_spec("tokenizers") is not None
    )


@cache
def load() -> StaticEncoder:
    """Return the encoder; takes 0.3 s. Raise `EncoderUnavailableError` with what to do."""
    folder = _folder()
    if folder is None or not is_at_hand():
        raise EncoderUnavailableError(f"the encoder {NAME} is not installed", _INSTALL)
    weights, pieces = _content(folder, _WEIGHTS), _content(folder, _PIECES)
    from tokenizers import Tokenizer  # noqa: PLC0415 - comes with the extras `encoder` and `onnx` only

    return StaticEncoder(NAME, _table(weights), _pieces_of(Tokenizer.from_buffer(pieces)))


def _pieces_of(tokenizer: "Tokenizer") -> Pieces:
    """Return the function from words to their pieces: one call for all, cut where a piece begins a word."""
    tokenizer.encode_special_tokens = True  # what looks like a mark of its own is text like any other
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    begins = frozenset(number for piece, number in vocabulary.items() if piece.startswith(_BEGIN))

    def pieces(words: Sequence[str]) -> list[list[int]]:
        plain = [word.replace(_BEGIN, "_") for word in words]
        numbers = tokenizer.encode(" ".join(plain), add_special_tokens=False).ids
        starts = [place for place, number in enumerate(numbers) if number in begins]
        if len(starts) != len(words) or starts[:1] != [0]:
            return [tokenizer.encode(word, add_special_tokens=False).ids for word in plain]
        return [numbers[start:end] for start, end in pairwise([*starts, len(numbers)])]

    return pieces


def _folder() -> Path | None:
    spec = importlib.util.find_spec("wordllama")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def _content(folder: Path, name: str) -> bytes:
    content = (folder / name).read_bytes()
    content = content.rstrip() if name == _PIECES else content
    if hashlib.sha256(content).hexdigest() != _SHA256[name]:
        raise EncoderUnavailableError(
            f"the installed wordllama holds other data than {NAME} means ({name})", f"{_INSTALL} --force-reinstall"
        )
    return content


def _table(content: bytes) -> Table:
    """Return the weights (pieces, dimension) of a safetensors file: length of the head, head in JSON, numbers."""
    length = int.from_bytes(content[:8], "little")
    rows, columns = json.loads(content[8 : 8 + length])["embedding.weight"]["shape"]
    numbers = np.frombuffer(content, "<f2", rows * columns, 8 + length).astype(np.float32)
    whole = np.clip(np.rint(numbers * _SCALE), -_LARGEST, _LARGEST).astype(np.int16)
    return whole.reshape(rows, columns)
