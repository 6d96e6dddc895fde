"""The corpus: what services, attackers and broken producers put on the input topics."""

import base64
import gzip
import json
from dataclasses import dataclass
from typing import Any

from schemas.dead_letter import RejectionCode as Code
from schemas.partition import partition_for

TENANT = "poisoned"
_REQUEST = "requests"
_OVERRIDE = "overrides"
_CALLS = "provider-calls"


@dataclass(frozen=True, slots=True)
class Poison:
    """One bad message: where it goes, its bytes, and the code of its dead letter."""

    name: str
    topic: str
    value: bytes | None
    code: Code
    key: bytes | None = TENANT.encode()
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None

    def place(self, partitions: int) -> int:
        """Return the partition to write to: that of the tenant unless the case is about another."""
        return partition_for(TENANT, partitions) if self.partition is None else self.partition


def _json(**fields: Any) -> bytes:
    return json.dumps({"prompt": "hello", **fields}).encode()


def _nested(depth: int) -> bytes:
    return b'{"prompt":"x","response_format":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"


def _bytes_cases() -> list[Poison]:
    cases: list[tuple[str, bytes | None, Code]] = [
        ("tombstone", None, Code.TOMBSTONE),
        ("empty", b"", Code.EMPTY),
        ("blank", b" \n\t ", Code.EMPTY),
        ("plain text", b"hello", Code.NOT_JSON),
        ("truncated object", b'{"prompt": "hel', Code.NOT_JSON),
        ("trailing comma", b'{"prompt": "x",}', Code.NOT_JSON),
        ("single quotes", b"{'prompt': 'x'}", Code.NOT_JSON),
        ("two objects", b'{"prompt":"x"}{"prompt":"y"}', Code.NOT_JSON),
        ("comment", b'{"prompt":"x" /* no */}', Code.NOT_JSON),
        ("yaml", b"prompt: x\n", Code.NOT_JSON),
        ("xml", b"<prompt>x</prompt>", Code.NOT_JSON),
        ("byte order mark", b'\xef\xbb\xbf{"prompt":"x"}', Code.NOT_JSON),
        ("control character in text", b'{"prompt":"a\x00b"}', Code.NOT_JSON),
        ("bad escape", b'{"prompt":"\\q"}', Code.NOT_JSON),
        ("avro magic", b"\x00\x00\x00\x00\x01abc", Code.NOT_JSON),
        ("huge integer", b'{"prompt":"x","seed":' + b"9" * 5000 + b"}", Code.NOT_JSON),
        ("utf-16", '{"prompt":"x"}'.encode("utf-16"), Code.NOT_UTF8),
        ("latin-1", '{"prompt":"caf\xe9"}'.encode("latin-1"), Code.NOT_UTF8),
        ("gzip", gzip.compress(b'{"prompt":"x"}'), Code.NOT_UTF8),
        ("random bytes", bytes(range(128, 256)), Code.NOT_UTF8),
        ("array", b'[{"prompt":"x"}]', Code.NOT_AN_OBJECT),
        ("string", b'"hello"', Code.NOT_AN_OBJECT),
        ("number", b"42", Code.NOT_AN_OBJECT),
        ("true", b"true", Code.NOT_AN_OBJECT),
        ("null", b"null", Code.NOT_AN_OBJECT),
        ("nan", b'{"prompt":"x","temperature":NaN}', Code.NOT_FINITE),
        ("infinity", b'{"prompt":"x","temperature":Infinity}', Code.NOT_FINITE),
        ("minus infinity", b'{"prompt":"x","top_p":-Infinity}', Code.NOT_FINITE),
        ("1e999", b'{"prompt":"x","temperature":1e999}', Code.NOT_FINITE),
        ("-1e999", b'{"prompt":"x","temperature":-1e999}', Code.NOT_FINITE),
        ("40 deep", _nested(40), Code.TOO_DEEP),
        ("900 deep", _nested(900), Code.TOO_DEEP),
        ("100,000 brackets", b"[" * 100_000, Code.TOO_DEEP),
        ("key twice", b'{"prompt":"x","prompt":"y"}', Code.DUPLICATE_KEYS),
        ("tenant twice", b'{"tenant":"poisoned","prompt":"x","tenant":"rich"}', Code.DUPLICATE_KEYS),
        ("inner key twice", b'{"prompt":"x","constraints":{"max_cost":"1","max_cost":"9"}}', Code.DUPLICATE_KEYS),
        ("two megabytes", b'{"prompt":"' + b"x" * 2_000_000 + b'"}', Code.TOO_LARGE),
    ]
    return [Poison(name, _REQUEST, value, code) for name, value, code in cases]


def _field_cases() -> list[Poison]:
    fields: list[tuple[str, dict[str, Any]]] = [
        ("prompt a number", {"prompt": 1}),
        ("prompt null and nothing else", {"prompt": None}),
        ("prompt over 64 KiB", {"prompt": "x" * 70_000}),
        ("messages an object", {"messages": {"role": "user"}}),
        ("message with an unknown role", {"messages": [{"role": "root", "content": "x"}]}),
        ("message with an extra field", {"messages": [{"role": "user", "content": "x", "image_url": "x"}]}),
        ("201 messages", {"messages": [{"content": "x"}] * 201}),
        ("lone surrogate", {"prompt": "\ud800"}),
        ("temperature text", {"temperature": "hot"}),
        ("temperature 3", {"temperature": 3}),
        ("temperature negative", {"temperature": -0.1}),
        ("priority 0", {"priority": 0}),
        ("priority 9", {"priority": 9}),
        ("priority text", {"priority": "high"}),
        ("max_output_tokens 0", {"max_output_tokens": 0}),
        ("max_output_tokens negative", {"max_output_tokens": -5}),
        ("max_output_tokens beyond all", {"max_output_tokens": 10**9}),
        ("max_output_tokens fraction", {"max_output_tokens": 10.5}),
        ("execute text", {"execute": "perhaps"}),
        ("mode unknown", {"mode": "autopilot"}),
        ("job type unknown", {"job_type": "llm.free"}),
        ("space type unknown", {"space_type": "gaming"}),
        ("automation unknown", {"automation": "yes"}),
        ("latency class unknown", {"latency_class": "yesterday"}),
        ("max_cost negative", {"constraints": {"max_cost": "-1"}}),
        ("max_cost text", {"constraints": {"max_cost": "cheap"}}),
        ("max_cost with 13 places", {"constraints": {"max_cost": "0.0000000000001"}}),
        ("max_cost a trillion", {"constraints": {"max_cost": "1000000000000"}}),
        ("max_cost true", {"constraints": {"max_cost": True}}),
        ("min_quality 101", {"constraints": {"min_quality": 101}}),
        ("deadline without zone", {"constraints": {"deadline": "2026-11-20T12:00:00"}}),
        ("deadline no date", {"constraints": {"deadline": "soon"}}),
        ("constraints a list", {"constraints": []}),
        ("constraint unknown", {"constraints": {"max_money": 1}}),
        ("occurred_at no date", {"occurred_at": "now"}),
        ("id a number", {"id": 7}),
        ("request id with spaces", {"request_id": "a b"}),
        ("request id empty", {"request_id": ""}),
        ("request id 200 long", {"request_id": "r" * 200}),
        ("request id with a newline", {"request_id": "a\nb"}),
        ("user with an escape", {"user": "\x1b[31mred"}),
        ("user an object", {"user": {"name": "x"}}),
        ("traceparent nonsense", {"traceparent": "00-zz"}),
        ("tools a text", {"tools": "search"}),
        ("129 tools", {"tools": ["t"] * 129}),
        ("stop too many", {"stop": ["a"] * 9}),
        ("attachment with a url", {"attachments": [{"kind": "image", "reference": "a", "url": "x"}]}),
        ("attachment length negative", {"attachments": [{"kind": "image", "reference": "a", "length": -1}]}),
        ("base_url", {"base_url": "x"}),
        ("api_base", {"api_base": "x"}),
        ("api_key", {"api_key": "x"}),
        ("endpoint", {"endpoint": "x"}),
        ("webhook", {"webhook": "x"}),
        ("proxy", {"proxy": "x"}),
        ("unknown field", {"promt": "a typing mistake"}),
    ]
    return [Poison(f"request: {name}", _REQUEST, _json(**values), Code.INVALID) for name, values in fields]


def _place_cases(partitions: int) -> list[Poison]:
    home = partition_for(TENANT, partitions)
    many = tuple((f"h{index}", b"x") for index in range(70))
    unknown = _json(type="pointsman.request.received.v99")
    return [
        Poison("key of another tenant", _REQUEST, _json(tenant="rich"), Code.WRONG_TENANT),
        Poison("no key, tenant in the value", _REQUEST, _json(tenant=TENANT), Code.WRONG_TENANT, key=None),
        Poison("no key, no tenant", _REQUEST, _json(), Code.INVALID, key=None),
        Poison("key with capitals", _REQUEST, _json(), Code.INVALID, key=b"ACME"),
        Poison("key with a slash", _REQUEST, _json(), Code.INVALID, key=b"a/b"),
        Poison("key not UTF-8", _REQUEST, _json(), Code.INVALID, key=b"\xff\xfe"),
        Poison("wrong partition", _REQUEST, _json(), Code.WRONG_PARTITION, partition=(home + 1) % partitions),
        Poison("70 headers", _REQUEST, _json(), Code.BAD_HEADERS, headers=many),
        Poison("unknown type", _REQUEST, _json(type="com.example.order.created.v1"), Code.UNKNOWN_TYPE),
        Poison("type of another topic", _REQUEST, _json(type="pointsman.decision.made.v1"), Code.UNKNOWN_TYPE),
        Poison("unknown version", _REQUEST, unknown, Code.UNKNOWN_VERSION),
        Poison("type a list", _REQUEST, _json(type=["x"]), Code.INVALID),
        Poison("unknown type in the header", _REQUEST, _json(), Code.UNKNOWN_TYPE, headers=(("ce_type", b"x.y.v1"),)),
        Poison(
            "structured event without data",
            _REQUEST,
            b'{"specversion":"1.0","id":"1","data":"x"}',
            Code.INVALID,
            headers=(("content-type", b"application/cloudevents+json"),),
        ),
        Poison(
            "cancel without a request id",
            _REQUEST,
            b'{"type":"pointsman.request.cancelled.v1","extra":1}',
            Code.INVALID,
        ),
        Poison("override not JSON", _OVERRIDE, b"opus please", Code.NOT_JSON),
        Poison("override tombstone", _OVERRIDE, None, Code.TOMBSTONE),
        Poison("override without a target", _OVERRIDE, b'{"scope":"space","model":"m"}', Code.INVALID),
        Poison("override of an unknown scope", _OVERRIDE, b'{"scope":"world","model":"m"}', Code.INVALID),
        Poison("override without a model", _OVERRIDE, b'{"scope":"always","user":"u"}', Code.INVALID),
        Poison("call event not JSON", _CALLS, b"{", Code.INVALID, headers=(("ce_type", b"pointsman.call.started.v1"),)),
        Poison(
            "call event without fields",
            _CALLS,
            b"{}",
            Code.INVALID,
            headers=(("ce_type", b"pointsman.call.finished.v1"),),
        ),
        Poison(
            "call event of unknown type",
            _CALLS,
            b"{}",
            Code.UNKNOWN_TYPE,
            headers=(("ce_type", b"pointsman.call.paid.v1"),),
        ),
        Poison("call event tombstone", _CALLS, None, Code.TOMBSTONE),
        Poison("call event without a type", _CALLS, base64.b64encode(b"x"), Code.NOT_JSON),
    ]


def corpus(partitions: int) -> list[Poison]:
    """Return every kind; names are unique."""
    return [*_bytes_cases(), *_field_cases(), *_place_cases(partitions)]
