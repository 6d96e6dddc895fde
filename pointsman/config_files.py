"""Configuration files: YAML (or JSON) documents with all faults at once, each with file and line."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from routing.config_check import check_documents
from schemas.control import DOCUMENT, ConfigDocument

SUFFIXES = (".yaml", ".yml", ".json")
NO_CONFIGURATION = "real"
"""Folders of this name are only read when named: they hold documents that need keys."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """Something wrong in a file; lines count from 1."""

    file: str
    line: int
    where: str
    message: str
    warning: bool = False
    """Allowed, and probably not what was meant."""

    def __str__(self) -> str:
        kind = "warning: " if self.warning else ""
        return f"{self.file}:{self.line}: {kind}{self.where + ': ' if self.where else ''}{self.message}"


@dataclass(frozen=True, slots=True)
class Located:
    """A valid document and where it stands."""

    document: ConfigDocument
    file: str
    node: Node = field(repr=False, compare=False)

    @property
    def line(self) -> int:
        """Line on which the document begins."""
        return _line(self.node)

    def fault(self, place: Sequence[object], message: str, *, warning: bool = False) -> Fault:
        """Return a fault at a place inside the document."""
        line, _ = _walk(self.node, place)
        return Fault(self.file, line, ".".join(str(part) for part in place), message, warning)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the files hold; ``faults`` in order of file and line."""

    documents: tuple[Located, ...]
    faults: tuple[Fault, ...]


class _Loader(yaml.SafeLoader):
    """Plain data only, no key twice, no aliases: a short file cannot stand for a huge document."""

    def __init__(self, text: str, file: str) -> None:
        super().__init__(text)
        self.file = file
        self.faults: list[Fault] = []

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        if self.check_event(yaml.AliasEvent):
            event: Any = self.get_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(None, None, "aliases are refused, write the value out", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, ScalarNode):
                if key.value in seen:
                    self.faults.append(Fault(self.file, _line(key), str(key.value), "this key appears twice"))
                seen.add(str(key.value))
        return super().construct_mapping(node, deep=True if deep else deep)


def load(paths: Iterable[Path]) -> Loaded:
    """Return the documents of files and folders (recursively); YAML without a ``kind`` in a folder is passed over."""
    documents: list[Located] = []
    faults: list[Fault] = []
    for path in paths:
        for file in _files(path):
            found, wrong = load_text(_text(file, faults), str(file), lenient=path.is_dir())
            documents += found
            faults += wrong
    faults += _twice(documents)
    return Loaded(tuple(documents), tuple(sorted(faults)))


def load_text(text: str, file: str, *, lenient: bool = False) -> tuple[list[Located], list[Fault]]:
    """Return the documents of one text and its faults; ``lenient`` passes over documents without a ``kind``."""
    documents: list[Located] = []
    faults: list[Fault] = []
    loader = _Loader(text, file)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                continue
            value: object = loader.construct_document(node)
            if value is None or (lenient and not (isinstance(value, dict) and "kind" in value)):
                continue
            try:
                documents.append(Located(DOCUMENT.validate_python(value), file, node))
            except ValidationError as error:
                faults += [_fault(file, node, item) for item in error.errors(include_url=False, include_input=False)]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        faults.append(Fault(file, mark.line + 1 if mark else 1, "", f"not YAML: {error.problem or error.context}"))
    finally:
        loader.dispose()
    return documents, faults + loader.faults


def cross_faults(documents: Sequence[Located], others: Iterable[ConfigDocument]) -> list[Fault]:
    """Return the faults between documents (names that mean nothing, missing prices), those of ``documents`` alone.

    ``others`` are the documents they will stand beside; of one kind and name the higher version counts.
    """
    located = {one.document.document_key: one for one in documents}
    everything = {other.document_key: other for other in others} | {key: one.document for key, one in located.items()}
    found = (fault for fault in check_documents(everything) if fault.document in located)
    return sorted(located[fault.document].fault(fault.place, fault.message, warning=fault.warning) for fault in found)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    inside = (file for file in path.rglob("*") if file.suffix in SUFFIXES)
    return sorted(file for file in inside if NO_CONFIGURATION not in file.relative_to(path).parts[:-1])


def _text(file: Path, faults: list[Fault]) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        faults.append(Fault(str(file), 1, "", f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError:
        faults.append(Fault(str(file), 1, "", "is not UTF-8 text"))
    return ""


def _twice(documents: Sequence[Located]) -> list[Fault]:
    first: dict[str, Located] = {}
    faults: list[Fault] = []
    for located in documents:
        key = located.document.document_key
        other = first.setdefault(key, located)
        if other is not located:
            faults.append(Fault(located.file, located.line, key, f"stands in {other.file}:{other.line} too"))
    return faults


def _fault(file: str, node: Node, item: Any) -> Fault:
    """Return a validation error as a fault; its path leads to the line."""
    place = [part for part in item["loc"] if not (isinstance(part, str) and part.startswith("function-"))]
    line, known = _walk(node, place)
    message = str(item["msg"]).removeprefix("Value error, ")
    return Fault(file, line, ".".join(str(part) for part in known), message)


def _walk(node: Node, place: Sequence[object]) -> tuple[int, list[object]]:
    """Return the line that a path leads to, and the path without the names pydantic gives to alternatives."""
    line = _line(node)
    known: list[object] = []
    for number, part in enumerate(place):
        found = _child(node, part)
        if found is None:
            if number == len(place) - 1 and number > 0 and isinstance(part, str) and isinstance(node, MappingNode):
                known.append(part)
            continue
        line, node = found
        known.append(part)
    return line, known


def _child(node: Node, part: object) -> tuple[int, Node] | None:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if isinstance(key, ScalarNode) and key.value == str(part):
                return _line(key), value
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        return _line(node.value[part]), node.value[part]
    return None


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
