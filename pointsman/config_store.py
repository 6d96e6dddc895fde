"""The config topic as a store: what is published, what a set of files would change, publishing, and waiting for it."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from deploy.shipped_config import config_event
from pointsman.log_reader import LogReader
from pointsman.publisher import Publisher
from schemas import topics
from schemas.control import ConfigDocument, ConfigPublished
from schemas.dead_letter import DeadLetter
from schemas.inbound import Rejection
from schemas.journal import ConfigApplied
from streams.config_log import ConfigLog
from streams.config_signature import Signer, Trust, needs_signature
from streams.log_reader import read_range
from streams.settings import Settings


class UnsignedError(ValueError):
    """A document that has to be signed, and no key to sign it with."""


Action = Literal["new", "changed", "unchanged", "conflict"]


@dataclass(slots=True)
class Store:
    """All documents of the log: by key (the first of a key counts), and the highest version of each name."""

    published: dict[str, ConfigPublished] = field(default_factory=dict[str, ConfigPublished])
    current: dict[str, ConfigPublished] = field(default_factory=dict[str, ConfigPublished])

    def document(self, kind: str, name: str) -> ConfigDocument | None:
        """Return the newest document of a name."""
        event = self.current.get(f"{kind}/{name}")
        return None if event is None else event.document

    def next_version(self, kind: str, name: str) -> int:
        """Return the version a change of this document gets."""
        versions = [event.version for event in self.published.values() if (event.kind, event.name) == (kind, name)]
        return max(versions, default=0) + 1


@dataclass(frozen=True, slots=True)
class Change:
    """What publishing a document would do; ``conflict``: its version is not above the one that holds now."""

    document: ConfigDocument
    action: Action
    before: ConfigDocument | None


def read_store(settings: Settings) -> Store:
    """Return the documents on the config topic; records that are none change nothing."""
    store, log = Store(), ConfigLog(Trust(settings.config_keys))
    for record in read_range(settings, {(topics.CONFIG, 0): 0}):
        event = log.read(record)
        if not isinstance(event, Rejection) and event.key not in store.published:
            store.published[event.key] = event
            known = store.current.get(f"{event.kind}/{event.name}")
            if known is None or known.version < event.version:
                store.current[f"{event.kind}/{event.name}"] = event
    return store


def plan(store: Store, documents: Iterable[ConfigDocument], *, bump: bool) -> list[Change]:
    """Return what publishing the documents would change; ``bump`` gives changed documents their next version."""
    changes: list[Change] = []
    for document in documents:
        before = store.document(document.kind, document.name)
        if before is not None and content(before) == content(document):
            changes.append(Change(document, "unchanged", before))
        elif before is None or document.version > before.version:
            changes.append(Change(document, "new" if before is None else "changed", before))
        elif bump:
            version = store.next_version(document.kind, document.name)
            changes.append(Change(document.model_copy(update={"version": version}), "changed", before))
        else:
            changes.append(Change(document, "conflict", before))
    return changes


def content(document: ConfigDocument) -> dict[str, Any]:
    """Return a document as JSON without its version."""
    value: dict[str, Any] = json.loads(document.model_dump_json(exclude_none=True))
    value.pop("version", None)
    return value


def differences(before: Mapping[str, Any], after: Mapping[str, Any], at: str = "") -> list[tuple[str, str, str]]:
    """Return (path, old, new) of every leaf that differs; - where there is none."""
    found: list[tuple[str, str, str]] = []
    for name in sorted({*before, *after}):
        path = f"{at}.{name}" if at else name
        found += _difference(before.get(name), after.get(name), path)
    return found


def _difference(old: Any, new: Any, path: str) -> list[tuple[str, str, str]]:
    if old == new:
        return []
    if isinstance(old, dict) and isinstance(new, dict):
        return differences(old, new, path)
    if isinstance(old, list) and isinstance(new, list):
        return differences(_by_name(old), _by_name(new), path)
    return [(path, _text(old), _text(new))]


def _by_name(items: Sequence[Any]) -> dict[str, Any]:
    """Return a list as a mapping by its items' id or name, else by position: so that an insertion is one difference."""
    names = [str(item.get("id") or item.get("name") or "") if isinstance(item, dict) else "" for item in items]
    if all(names) and len(set(names)) == len(names):
        return dict(zip(names, items, strict=True))
    return {str(number): item for number, item in enumerate(items)}


def _text(value: Any) -> str:
    return "-" if value is None else json.dumps(value, ensure_ascii=False)


def publish(settings: Settings, documents: Sequence[ConfigDocument], now: datetime, comment: str | None = None) -> int:
    """Publish the documents in order and return the config position after the last."""
    signer = signer_for(settings, documents)
    publisher = Publisher(settings)
    position = 0
    for document in documents:
        event = config_event(document, now).model_copy(update={"comment": comment})
        headers = () if signer is None else (signer.header(event.to_json()),)
        _, offset = publisher.publish(event.to_output(topics.CONFIG, *headers, key=event.key, partition=0))
        position = offset + 1
    publisher.close()
    return position


def signer_for(settings: Settings, documents: Iterable[ConfigDocument]) -> Signer | None:
    """Return what signs the documents: the key of the settings; raise `UnsignedError` where one is missing."""
    if settings.signing_key is not None:
        return Signer.of_file(settings.signing_key)
    if Trust(settings.config_keys).required and any(needs_signature(document) for document in documents):
        raise UnsignedError("tenants and endpoints have to be signed here: set POINTSMAN_SIGNING_KEY to a key file")
    return None


def refused_since(settings: Settings, start: int) -> list[str]:
    """Return why documents were refused, by the dead letters of the config topic from offset ``start`` on."""
    place = (topics.BY_NAME[topics.CONFIG].dead_letters, 0)
    letters = (DeadLetter.model_validate_json(record.value or b"") for record in read_range(settings, {place: start}))
    return [letter.reason for letter in letters]


def dead_letters_end(settings: Settings) -> int:
    """Return the offset of the next dead letter of the config topic."""
    with LogReader(settings) as reader:
        return reader.watermarks((topics.BY_NAME[topics.CONFIG].dead_letters, 0))[1]


class AppliedWatch:
    """Waits until the router decides by a config position on every partition; open it before publishing."""

    def __init__(self, settings: Settings, *, from_beginning: bool = False) -> None:
        self._reader = LogReader(settings)
        self._places = self._reader.places(topics.ROUTER_JOURNAL)
        begin = self._reader.beginnings if from_beginning else self._reader.ends
        self._reader.assign(begin(self._places))

    def wait(self, position: int, timeout: float, tell: Callable[[str], None] | None = None) -> list[int]:
        """Return the partitions that have not applied ``position`` within ``timeout`` seconds; none means all have."""
        waiting = {partition for _, partition in self._places}
        deadline = time.monotonic() + timeout
        while waiting and time.monotonic() < deadline:
            for record in self._reader.poll(0.2):
                if record.header("ce_type") == ConfigApplied.TYPE:
                    event = ConfigApplied.model_validate_json(record.value or b"")
                    if event.config_offset >= position:
                        waiting.discard(record.partition)
            if tell is not None:
                tell(f"applied on {len(self._places) - len(waiting)} of {len(self._places)} partitions")
        return sorted(waiting)

    def close(self) -> None:
        """Close the connection."""
        self._reader.close()


def applied_everywhere(settings: Settings, timeout: float) -> list[int]:
    """Wait until all that is published holds; return the partitions where it does not after ``timeout`` seconds."""
    reader = LogReader(settings)
    _, position = reader.watermarks((topics.CONFIG, 0))
    reader.close()
    watch = AppliedWatch(settings, from_beginning=True)
    missing = watch.wait(position, timeout)
    watch.close()
    return missing
