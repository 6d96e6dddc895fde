"""Names of models as people write them, resolved through one alias table (SPEC R11, R20).

``auto`` · id · alias · display name · ``provider:model`` · ``provider/model`` · ``maker/*`` · a suffix ``:floor``
(cheapest) or ``:nitro`` (fastest) after any of them. A suffix is taken off before ``provider:`` is looked for, so the
two never clash.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, Literal

from schemas.control_catalog import CatalogDocument

Suffix = Literal["floor", "nitro"]
AUTO: Final = "auto"
_SUFFIXES: Final[tuple[Suffix, ...]] = ("floor", "nitro")
_DASHES: Final = re.compile(r"[\s_\u2010-\u2015\u2212]+")
_MAX_ALIAS_HOPS: Final = 8


@dataclass(frozen=True, slots=True)
class Reference:
    """What a name means: ``auto``, one model, a pool of models, or nothing known; ids in catalog order.

    ``provider`` is set when the name pins an endpoint.
    """

    kind: Literal["auto", "model", "pool", "unknown"]
    models: tuple[str, ...] = ()
    provider: str | None = None
    suffix: Suffix | None = None


UNKNOWN: Final = Reference("unknown")


def normalise(text: str) -> str:
    """Return the form in which names are compared: lower case, spaces, underscores and typographic dashes as ``-``."""
    return _DASHES.sub("-", text.strip().lower())


class NameTable:
    """Resolves names against one catalog. Building it costs milliseconds, a look-up microseconds."""

    def __init__(self, catalog: CatalogDocument) -> None:
        """Index names: an id wins over a display name, that over a provider's id, that over an alias."""
        self._models: dict[str, str] = {}
        self._by_provider: dict[str, dict[str, str]] = {}
        self._makers: dict[str, list[str]] = {}
        self._wild: list[tuple[str, tuple[str, ...]]] = []
        self._memo: dict[str, Reference] = {}
        self._aliases: Mapping[str, str] = {normalise(alias): target for alias, target in catalog.aliases.items()}
        for model in catalog.models:
            self._models[model.id] = model.id
            self._makers.setdefault(model.maker, []).append(model.id)
            names = {model.id, f"{model.maker}/{model.id}"}
            for served in model.served_by:
                table = self._by_provider.setdefault(served.provider, {})
                table[model.id] = model.id
                table.setdefault(normalise(served.provider_model), model.id)
                names |= {
                    f"{served.provider}/{model.id}",
                    f"{served.provider}/{normalise(served.provider_model)}",
                    normalise(served.provider_model),
                }
            self._wild.append((model.id, tuple(sorted(names))))
        for model in catalog.models:
            self._models.setdefault(normalise(model.name), model.id)
            for served in model.served_by:
                self._models.setdefault(normalise(served.provider_model), model.id)

    def resolve(self, text: str) -> Reference:
        """Return what ``text`` means; memoised, bounded."""
        found = self._memo.get(text)
        if found is None:
            if len(self._memo) > 4096:
                self._memo.clear()
            found = self._memo[text] = self._resolve(text)
        return found

    def resolve_all(self, texts: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return (model ids in the order written, names that mean nothing)."""
        ids: dict[str, None] = {}
        unknown: list[str] = []
        for text in texts:
            reference = self.resolve(text)
            if reference.kind in {"unknown", "auto"}:
                unknown.append(text)
            ids.update(dict.fromkeys(reference.models))
        return tuple(ids), tuple(unknown)

    def _resolve(self, text: str) -> Reference:
        name = normalise(text)
        for suffix in _SUFFIXES:
            if name.endswith(f":{suffix}"):
                inner = self._plain(name[: -len(suffix) - 1], 0)
                return inner if inner.kind == "unknown" else Reference(inner.kind, inner.models, inner.provider, suffix)
        return self._plain(name, 0)

    def _plain(self, name: str, hops: int) -> Reference:
        if name == AUTO:
            return Reference("auto")
        if hops > _MAX_ALIAS_HOPS or not name:
            return UNKNOWN
        model = self._models.get(name)
        if model is not None:
            return Reference("model", (model,))
        alias = self._aliases.get(name)
        if alias is not None:
            return self._plain(normalise(alias), hops + 1)
        if "*" in name:
            pool = tuple(model for model, names in self._wild if any(fnmatchcase(known, name) for known in names))
            return Reference("pool", pool) if pool else UNKNOWN
        return self._qualified(name, hops)

    def _qualified(self, name: str, hops: int) -> Reference:
        for mark in (":", "/"):
            left, found, right = name.partition(mark)
            if not found or not left or not right:
                continue
            served = self._by_provider.get(left)
            if served is not None:
                model = served.get(right)
                if model is None:
                    inner = self._plain(right, hops + 1)
                    model = inner.models[0] if inner.kind == "model" and inner.models[0] in served else None
                if model is not None:
                    return Reference("model", (model,), provider=left)
            if left in self._makers:
                inner = self._plain(right, hops + 1)
                if inner.kind == "model" and inner.models[0] in self._makers[left]:
                    return inner
        return UNKNOWN

    def alias_cycles(self) -> tuple[str, ...]:
        """Return aliases that never reach a model."""
        return tuple(alias for alias in self._aliases if self._plain(alias, 0).kind == "unknown")
