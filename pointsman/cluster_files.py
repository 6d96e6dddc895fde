"""Clusters documents in files: examples are added and centroids replaced in place, so that comments and order stay."""

import json
from pathlib import Path

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from pointsman.config_files import Located, load
from schemas.control_clusters import ClustersDocument


class ClusterFileError(ValueError):
    """The file cannot be changed in place; the message says why and what to do."""


def clusters_in(path: Path) -> list[ClustersDocument]:
    """Return the clusters documents of a file. Raise `ClusterFileError` with all its faults."""
    loaded = load([path])
    if loaded.faults:
        raise ClusterFileError("\n".join(str(fault) for fault in loaded.faults))
    return [one.document for one in loaded.documents if isinstance(one.document, ClustersDocument)]


def write_centroids(path: Path, document: ClustersDocument) -> None:
    """Put the centroids of a document into its file, in place of those that are there, else behind everything else."""
    lines = path.read_text(encoding="utf-8").splitlines()
    node = _mapping(path, document)
    block = ["centroids:"]
    for encoder, centroids in document.centroids.items():
        block += [f"  {encoder}:", f"    data: {json.dumps(centroids.data)}", "    vectors:"]
        block += [f"      {name}: {json.dumps(vector)}" for name, vector in centroids.vectors.items()]
    for key, value in node.value:
        if isinstance(key, ScalarNode) and key.value == "centroids":
            lines[key.start_mark.line : _end(value)] = block
            break
    else:
        end = _end(node)
        lines[end:end] = block
    _write(path, lines)


def write_example(path: Path, document: ClustersDocument, cluster: str, example: str) -> None:
    """Add an example behind those of its cluster in a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    examples = _at(_mapping(path, document), "clusters", cluster, "examples")
    if not isinstance(examples, SequenceNode) or examples.flow_style:
        raise ClusterFileError(f"write the examples of {cluster} in {path} one to a line, each behind a dash")
    last = examples.value[-1]
    indent = lines[last.start_mark.line][: examples.start_mark.column]
    lines.insert(_end(last), f"{indent}- {json.dumps(example, ensure_ascii=False)}")
    _write(path, lines)


def _mapping(path: Path, document: ClustersDocument) -> MappingNode:
    """Return the node of a document in its file."""
    for located in load([path]).documents:
        if located.document.document_key == document.document_key and isinstance(located.node, MappingNode):
            return _block(path, located)
    raise ClusterFileError(f"{path} holds no {document.document_key} any more")


def _block(path: Path, located: Located) -> MappingNode:
    node = located.node
    if not isinstance(node, MappingNode) or node.flow_style or path.suffix == ".json":
        raise ClusterFileError(f"{path} is changed in place only as YAML with one field to a line")
    return node


def _at(node: Node, *names: str) -> Node | None:
    for name in names:
        found = None
        if isinstance(node, MappingNode):
            found = next((value for key, value in node.value if getattr(key, "value", None) == name), None)
        if found is None:
            return None
        node = found
    return node


def _end(node: Node) -> int:
    """Return the number of the line behind a node: a block ends where the next one begins, behind its blank lines."""
    mark = node.end_mark
    if isinstance(node, MappingNode | SequenceNode) and not node.flow_style:
        children = [child for pair in node.value for child in (pair if isinstance(pair, tuple) else (pair,))]
        return max((_end(child) for child in children), default=int(mark.line))
    return int(mark.line) + 1


def _write(path: Path, lines: list[str]) -> None:
    text = "\n".join(lines) + "\n"
    yaml.safe_load_all(text)
    path.write_text(text, encoding="utf-8")
