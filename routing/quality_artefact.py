"""A quality model as bytes: arrays of whole numbers in as few bytes as hold them, compressed, as base64 text.

    content = base64(zlib(array, array, ...))        of each array first the low bytes of all numbers, then the next

A model is checked whole before it predicts: shapes, places and sizes, so that no prompt can make it fail, and every sum
stays exact (see `routing.quality_model`).
"""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Mapping
from typing import Any, Final, Literal

import numpy as np
from pydantic import ValidationError

from routing.quality_features import BUCKETS, FINGERPRINT, FORM_NAMES, UNIT, IntArray
from routing.quality_kinds import Kinds
from routing.quality_model import Clusters, QualityModel, Trees
from routing.quality_space import AXIS_SCALE, FINE, Projection, Space
from schemas.control_predictor import ArrayForm, QualityArtefact

KIND: Final = "quality_model"
_MOST_BYTES: Final = 1 << 25
_MOST_DIMENSIONS: Final = 256
_MOST_KINDS: Final = 128
_MOST_DEPTH: Final = 8
_LIMITS: Final[Mapping[str, int]] = {
    "words.idf": 1 << 12,
    "words.axes": AXIS_SCALE,
    "words.centre": 2 * FINE,
    "characters.idf": 1 << 12,
    "characters.axes": AXIS_SCALE,
    "characters.centre": 2 * FINE,
    "clusters.centres": 2 * UNIT,
    "clusters.means": 1 << 24,
    "trees.leaves": 1 << 24,
    "trees.base": 1 << 24,
    "kinds.means": 1 << 24,
}
"""Greatest absolute value by array, where the type alone does not keep the sums exact."""
_CENTRE_SUM: Final = (1 << 22) // (UNIT + 1)
_KINDS: Final = ("kinds.weights", "kinds.bias", "kinds.means")
_Size = Literal[1, 2, 4]


class ArtefactError(ValueError):
    """A document that is no quality model of this version; the message says why."""


def encoded(model: QualityModel) -> tuple[QualityArtefact, str]:
    """Return the description of a model and its content. Raise `ArtefactError` for one that `decoded` would refuse."""
    arrays = _arrays(model)
    _check(arrays, len(model.models))
    forms = {name: ArrayForm(bytes=_size(name, array), shape=array.shape) for name, array in arrays.items()}
    raw = b"".join(_planes(array, forms[name].bytes) for name, array in arrays.items())
    artefact = QualityArtefact(
        columns=model.models,
        based=model.based,
        features=FINGERPRINT,
        arrays=forms,
        sha256=hashlib.sha256(raw).hexdigest(),
    )
    return artefact, base64.b64encode(zlib.compress(raw, 9)).decode()


def decoded(artefact: QualityArtefact, content: str, facts: Mapping[str, Any]) -> QualityModel:
    """Return the model of an artefact. Raise `ArtefactError`."""
    if artefact.based > len(artefact.columns):
        raise ArtefactError("the artefact was trained on more models than it names")
    if artefact.features != FINGERPRINT:
        raise ArtefactError("this quality model was trained on other features: train it again")
    raw = _unpacked(content)
    if hashlib.sha256(raw).hexdigest() != artefact.sha256:
        raise ArtefactError("the numbers are not those that the artefact names: it is damaged")
    arrays: dict[str, IntArray] = {}
    at = 0
    for name, form in artefact.arrays.items():
        count = int(np.prod(form.shape, dtype=np.int64))
        end = at + count * form.bytes
        if end > len(raw):
            raise ArtefactError("the artefact has fewer numbers than it names")
        arrays[name] = _whole(raw[at:end], form.bytes).reshape(form.shape)
        at = end
    if at != len(raw):
        raise ArtefactError("the artefact has more numbers than it names")
    _check(arrays, len(artefact.columns))
    return _model(artefact, arrays, facts)


def as_json(model: QualityModel) -> dict[str, Any]:
    """Return the artefact as a document of its own."""
    artefact, content = encoded(model)
    return {"kind": KIND, **artefact.model_dump(mode="json"), "facts": dict(model.facts), "content": content}


def from_json(document: Mapping[str, Any]) -> QualityModel:
    """Return the model of such a document; raise `ArtefactError`."""
    if document.get("kind") != KIND or document.get("format") != QualityArtefact.model_fields["format"].default:
        raise ArtefactError("this is no quality model of format 2")
    held = {name: document.get(name) for name in QualityArtefact.model_fields}
    content, facts = document.get("content"), document.get("facts")
    try:
        artefact = QualityArtefact.model_validate(held)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise ArtefactError(f"the quality model is damaged at {place}") from None
    if not isinstance(content, str) or not isinstance(facts, dict):
        raise ArtefactError("the quality model is damaged: it lacks content or facts")
    return decoded(artefact, content, facts)


def _arrays(model: QualityModel) -> dict[str, IntArray]:
    space, trees = model.space, model.trees
    found: dict[str, IntArray] = {}
    for name, projection in (("words", space.words), ("characters", space.characters)):
        found |= {f"{name}.idf": projection.idf, f"{name}.axes": projection.axes, f"{name}.centre": projection.centre}
    found |= {
        "form_mean": space.form_mean,
        "form_weight": space.form_weight,
        "clusters.centres": model.clusters.centres,
        "clusters.means": model.clusters.means,
        "trees.features": trees.features,
        "trees.thresholds": trees.thresholds,
        "trees.leaves": trees.leaves,
        "trees.base": trees.base,
    }
    if model.kinds is not None:
        found |= dict(zip(_KINDS, (model.kinds.weights, model.kinds.bias, model.kinds.means), strict=True))
    return found


def _model(artefact: QualityArtefact, arrays: Mapping[str, IntArray], facts: Mapping[str, Any]) -> QualityModel:
    words, characters = (
        Projection(arrays[f"{name}.idf"], arrays[f"{name}.axes"], arrays[f"{name}.centre"])
        for name in ("words", "characters")
    )
    return QualityModel(
        artefact.columns,
        Space(words, characters, arrays["form_mean"], arrays["form_weight"]),
        Clusters(arrays["clusters.centres"], arrays["clusters.means"]),
        Trees(*(arrays[f"trees.{name}"] for name in ("features", "thresholds", "leaves", "base"))),
        Kinds(*(arrays[name] for name in _KINDS)) if _KINDS[0] in arrays else None,
        artefact.based,
        dict(facts),
    )


def _check(arrays: Mapping[str, IntArray], models: int) -> None:
    """Raise `ArtefactError` for arrays that do not fit each other or could make a sum inexact."""
    shapes = {name: array.shape for name, array in arrays.items()}
    try:
        wanted = _shapes(shapes, models)
    except (KeyError, IndexError):
        raise ArtefactError("the artefact lacks an array, or one has too few dimensions") from None
    wrong = sorted(name for name in {*shapes, *wanted} if shapes.get(name) != wanted.get(name))
    if wrong:
        raise ArtefactError(f"the arrays do not fit each other: {', '.join(wrong)}")
    for name, limit in _LIMITS.items():
        if name in arrays and arrays[name].size and int(np.abs(arrays[name]).max()) > limit:
            raise ArtefactError(f"{name} has numbers beyond {limit} (scores may be up to 1024)")
    if min(int(arrays[f"{name}.idf"].min()) for name in ("words", "characters")) < 0:
        raise ArtefactError("rarity is not negative")
    dimensions = shapes["clusters.centres"][2]
    if dimensions > _MOST_DIMENSIONS or int(np.abs(arrays["clusters.centres"]).sum(axis=2).max()) > _CENTRE_SUM:
        raise ArtefactError("the centres are too far away for exact distances")
    features = arrays["trees.features"]
    if features.size and not (int(features.min()) >= 0 and int(features.max()) < dimensions):
        raise ArtefactError("a tree asks for a column that vectors do not have")


def _shapes(shapes: Mapping[str, tuple[int, ...]], models: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes that fit the leading numbers of those given."""
    words, characters = shapes["words.centre"][0], shapes["characters.centre"][0]
    dimensions = words + characters + len(FORM_NAMES)
    repeated, clusters = (max(1, count) for count in shapes["clusters.centres"][:2])
    trees = shapes["trees.features"][0]
    depth = min(_MOST_DEPTH, max(1, (shapes["trees.features"][1] + 1).bit_length() - 1))
    found: dict[str, tuple[int, ...]] = {
        "words.idf": (BUCKETS,),
        "words.axes": (BUCKETS, words),
        "words.centre": (words,),
        "characters.idf": (BUCKETS,),
        "characters.axes": (BUCKETS, characters),
        "characters.centre": (characters,),
        "form_mean": (len(FORM_NAMES),),
        "form_weight": (len(FORM_NAMES),),
        "clusters.centres": (repeated, clusters, dimensions),
        "clusters.means": (repeated, clusters, models),
        "trees.features": (trees, 2**depth - 1),
        "trees.thresholds": (trees, 2**depth - 1),
        "trees.leaves": (trees, 2**depth, models),
        "trees.base": (models,),
    }
    if any(name in shapes for name in _KINDS):
        kinds = min(_MOST_KINDS, max(1, shapes["kinds.bias"][0]))
        found |= {"kinds.weights": (dimensions, kinds), "kinds.bias": (kinds,), "kinds.means": (kinds, models)}
    return found


def _size(name: str, array: IntArray) -> _Size:
    """Return the bytes that hold each number of an array."""
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    sizes: tuple[_Size, ...] = (1, 2, 4)
    for size in sizes:
        if -(1 << (8 * size - 1)) <= low and high < 1 << (8 * size - 1):
            return size
    raise ArtefactError(f"{name} has numbers that do not fit in four bytes")


def _planes(array: IntArray, size: int) -> bytes:
    """Return the low bytes of all numbers, then the next: alike bytes stand together."""
    return array.astype(f"<i{size}").reshape(-1, 1).view(np.uint8).T.tobytes()


def _whole(raw: bytes, size: int) -> IntArray:
    planes = np.frombuffer(raw, dtype=np.uint8).reshape(size, -1)
    return np.ascontiguousarray(planes.T).view(f"<i{size}").reshape(-1).astype(np.int64)


def _unpacked(content: str) -> bytes:
    try:
        packed = base64.b64decode(content, validate=True)
        reader = zlib.decompressobj()
        raw = reader.decompress(packed, _MOST_BYTES)
    except (binascii.Error, ValueError, zlib.error):
        raise ArtefactError("the content is not base64 of compressed numbers: it is damaged") from None
    if not reader.eof or reader.unconsumed_tail:
        raise ArtefactError(f"the content is cut off, or longer than {_MOST_BYTES} bytes")
    return raw
