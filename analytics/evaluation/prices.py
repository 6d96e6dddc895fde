"""List prices of models: dollars per million tokens, from a JSON file."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from analytics.evaluation.matrix import Matrix
from analytics.evaluation.rows import MatrixError

FloatArray = npt.NDArray[np.float64]


def read_prices(path: Path, models: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return (input, output) dollars per million tokens of each of ``models``.

    The file is an object by model name, or an array of objects with ``name`` (or ``model``), each with ``input_price``
    and ``output_price``. Other models in it are of no concern. Raises `MatrixError`.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MatrixError("there is no such file", path) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        raise MatrixError("not JSON", path, line) from None
    listed = _by_name(document, path)
    missing = [name for name in models if name not in listed]
    if missing:
        raise MatrixError(f"no price for {', '.join(missing)}", path)
    return {
        name: (_price(listed[name], name, "input", path), _price(listed[name], name, "output", path)) for name in models
    }


def list_costs(matrix: Matrix, prices: Mapping[str, tuple[float, float]]) -> FloatArray:
    """Return the cost of every answer, shape (prompts, models): the mean of input and output price.

    Every prompt weighs alike, since a matrix does not say how long the answers were.
    """
    each = [sum(prices[name]) / 2 for name in matrix.models]
    return np.tile(np.array(each), (len(matrix.prompts), 1))


def _by_name(document: Any, path: Path) -> dict[str, Any]:
    if isinstance(document, dict):
        return document
    if isinstance(document, list) and all(isinstance(each, dict) for each in document):
        return {str(each.get("name", each.get("model"))): each for each in document}
    raise MatrixError("prices are an object by model name, or an array of objects with `name`", path)


def _price(entry: Any, name: str, side: str, path: Path) -> float:
    value = entry.get(f"{side}_price", entry.get(side)) if isinstance(entry, dict) else None
    try:
        price = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        price = math.nan
    if not math.isfinite(price) or price < 0:
        raise MatrixError(f"{name} has no {side}_price in dollars per million tokens", path)
    return price
