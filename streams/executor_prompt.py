"""From a request and an attempt plan to what an adapter is asked. Pure."""

from typing import Any

from providers.base import ChatRequest, EmbeddingRequest, Message, ResponseFormat, ToolSpec
from routing.advice import answer_schema, instructions
from routing.centroids import sampled
from routing.signals import question_of
from routing.text import sample
from schemas.decision import AdviceKind, AdviceOrdered, AttemptPlan, CallOrder
from schemas.request import RequestReceived
from streams.executor_adaptation import adapted


class ContentUnavailableError(Exception):
    """The request's content cannot be sent as it is; the message names the cause, never the content."""


def request_of(order: CallOrder, request: RequestReceived, plan: AttemptPlan) -> ChatRequest | EmbeddingRequest:
    """Return the call that an order asks for, adapted to its model; raises ``ContentUnavailableError``."""
    if not isinstance(order, AdviceOrdered):
        return adapted(chat_request(request, plan, stream=order.stream), plan.adaptation)
    if order.kind == "embed":
        return embedding_request(request, plan, order)
    return adapted(advice_request(request, plan, order, order.kind), plan.adaptation)


def chat_request(request: RequestReceived, plan: AttemptPlan, *, stream: bool) -> ChatRequest:
    """Return the chat call; raises ``ContentUnavailableError`` for content that is not in the request itself."""
    if request.payload is not None or request.attachments:
        raise ContentUnavailableError("content by reference cannot be read: no blob store is configured")
    return ChatRequest(
        provider_model=plan.provider_model,
        messages=tuple(
            Message(role=message.role, content=message.content, name=message.name, tool_call_id=message.tool_call_id)
            for message in request.conversation()
        ),
        max_output_tokens=plan.max_output_tokens,
        tools=tuple(_tool(definition) for definition in request.tool_definitions),
        temperature=request.temperature,
        top_p=request.top_p,
        stop=request.stop,
        seed=request.seed,
        response_format=_format(request.response_format),
        stream=stream,
    )


def embedding_request(request: RequestReceived, plan: AttemptPlan, order: AdviceOrdered) -> EmbeddingRequest:
    """Return the call for the vector of the text that clusters are compared with."""
    text = sampled(question_of(request))
    if not text or order.dimensions is None:
        raise ContentUnavailableError("there is no text to encode")
    return EmbeddingRequest(provider_model=plan.provider_model, texts=(text,), dimensions=order.dimensions)


def advice_request(request: RequestReceived, plan: AttemptPlan, order: AdviceOrdered, kind: AdviceKind) -> ChatRequest:
    """Return the question to an adviser: a bounded part of what is asked, as data."""
    schema = answer_schema(kind, order.options)
    return ChatRequest(
        provider_model=plan.provider_model,
        messages=(
            Message(role="system", content=instructions(kind, order.options)),
            Message(role="user", content=sample(question_of(request)) or "(no text)"),
        ),
        max_output_tokens=plan.max_output_tokens,
        temperature=0.0,
        response_format=ResponseFormat(kind="json_schema", name="advice", schema=schema),
    )


def _tool(definition: dict[str, Any]) -> ToolSpec:
    """Return a tool given as ``{name, description, parameters}``, bare or as the ``function`` of an object."""
    inner = definition.get("function")
    fields: dict[str, Any] = inner if isinstance(inner, dict) else definition
    name, parameters = fields.get("name"), fields.get("parameters")
    if not isinstance(name, str) or not name:
        raise ContentUnavailableError("a tool definition has no name")
    strict = fields.get("strict")
    return ToolSpec(
        name=name,
        description=str(fields.get("description") or ""),
        parameters=parameters if isinstance(parameters, dict) else {"type": "object", "properties": {}},
        strict=strict if isinstance(strict, bool) else None,
    )


def _format(wanted: dict[str, Any] | None) -> ResponseFormat | None:
    kind = (wanted or {}).get("type")
    if wanted is None or kind == "text":
        return None
    if kind == "json_object":
        return ResponseFormat(kind="json_object")
    inner = wanted.get("json_schema")
    if kind != "json_schema" or not isinstance(inner, dict):
        raise ContentUnavailableError("response_format is json_object or json_schema")
    schema = inner.get("schema")
    return ResponseFormat(
        kind="json_schema",
        name=str(inner.get("name") or "answer"),
        schema=schema if isinstance(schema, dict) else None,
        strict=inner.get("strict") is not False,
    )
