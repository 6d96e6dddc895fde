"""The encoder all-MiniLM-L6-v2, int8, from a jar that holds its ONNX file and its word pieces.

Inference is floating point: another processor may round otherwise, so what it said is stored with the classification.
"""

import importlib.util
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from routing.encoder import ENCODED, UNIT, Vector
from streams.encoder_errors import EncoderUnavailableError
from streams.maven_jars import LOCKS, JarSet, JarsUnavailableError, fetched_jars, jar_cache, missing_jars, read_lock

if TYPE_CHECKING:
    from tokenizers import Tokenizer

NAME: Final = "minilm-l6-int8-v1"
JARS: Final = JarSet("the encoder all-MiniLM-L6-v2", LOCKS / "minilm-l6-int8.lock")
DIMENSION: Final = 384
HEAD: Final = 84
TAIL: Final = 42
"""Word pieces read of a text: all of a short one, else these many from its beginning and its end."""
_INSTALL: Final = "pip install 'pointsman[onnx]'"
_FETCH: Final = f"pointsman clusters fetch {NAME}"
_MEMBERS: Final = ("all-minilm-l6-v2-q.onnx", "all-minilm-l6-v2-q-tokenizer.json")


def is_installed() -> bool:
    """Whether the packages that run it are installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("onnxruntime", "tokenizers"))


@cache
def is_at_hand() -> bool:
    """Whether it can be loaded without a network: packages installed, jar in the cache and right."""
    return is_installed() and not missing_jars(JARS.lock)


def fetch(on_progress: Callable[[str], None] | None = None) -> Path:
    """Fetch the jar if need be and return its path. Raise `EncoderUnavailableError`."""
    if not is_installed():
        raise EncoderUnavailableError(f"the encoder {NAME} is not installed", _INSTALL)
    try:
        return fetched_jars(JARS, on_progress=on_progress)[0]
    except JarsUnavailableError as error:
        raise EncoderUnavailableError(str(error), _FETCH) from error


@cache
def load() -> "MiniLmEncoder":
    """Return the encoder; takes 0.2 s. Raise `EncoderUnavailableError` with what to do; never uses the network."""
    if not is_installed():
        raise EncoderUnavailableError(f"the encoder {NAME} is not installed", _INSTALL)
    if missing_jars(JARS.lock):
        raise EncoderUnavailableError(f"the weights of {NAME} are not in {jar_cache()}", _FETCH)
    with zipfile.ZipFile(read_lock(JARS.lock)[0].path(jar_cache())) as archive:
        model, pieces = (archive.read(name) for name in _MEMBERS)
    import onnxruntime  # noqa: PLC0415 - comes with the extra `onnx` only
    from tokenizers import Tokenizer  # noqa: PLC0415 - comes with the extras `encoder` and `onnx` only

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_buffer(pieces)
    tokenizer.no_padding()
    tokenizer.no_truncation()

    def run(inputs: Mapping[str, npt.NDArray[np.int64]]) -> npt.NDArray[np.float32]:
        found: Any = session.run(None, dict(inputs))
        states: npt.NDArray[np.float32] = found[0][0]
        return states

    return MiniLmEncoder(tokenizer, run)


class MiniLmEncoder:
    """Mean of the last hidden states, normalised, in whole numbers."""

    def __init__(
        self,
        tokenizer: "Tokenizer",
        run: Callable[[Mapping[str, npt.NDArray[np.int64]]], npt.NDArray[np.float32]],
    ) -> None:
        """Bind word pieces and inference: named inputs of shape (1, pieces) -> states (pieces, dimension)."""
        self._tokenizer = tokenizer
        self._run = run
        self._ends = tokenizer.encode("").ids

    @property
    def id(self) -> str:
        """Name, with the version of weights and arithmetic."""
        return NAME

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return DIMENSION

    @property
    def exact(self) -> bool:
        """Inference rounds as the processor does."""
        return False

    def encode(self, text: str) -> Vector:
        """Return the vector of a text, cut to ``ENCODED`` characters, of which the beginning and the end are read."""
        readable = text[:ENCODED].encode("utf-8", "replace").decode()
        pieces = self._tokenizer.encode(readable, add_special_tokens=False).ids
        if not pieces:
            return np.zeros(DIMENSION, dtype=np.int64)
        if len(pieces) > HEAD + TAIL:
            pieces = pieces[:HEAD] + pieces[-TAIL:]
        first, last = self._ends
        ids = np.array([[first, *pieces, last]], dtype=np.int64)
        states = self._run(
            {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        )
        mean = states.mean(axis=0, dtype=np.float64)
        length = float(np.sqrt((mean * mean).sum()))
        return np.rint(mean * (UNIT / length)).astype(np.int64) if length else np.zeros(DIMENSION, dtype=np.int64)
