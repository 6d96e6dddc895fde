"""Classify a request: type with confidence, complexity, pattern, token estimates and bounds (SPEC F5, R8). Pure."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from pydantic_core import to_json

from routing.adaptation import BOUND_PER_MESSAGE
from routing.blend import blended
from routing.build import build
from routing.catalog import CompiledConfig
from routing.classifier_model import Verdict
from routing.clusters import NO_MATCH, ClusterPlan, ClusterReader
from routing.named_features import features_of
from routing.signals import Reading, byte_length, question_of, read
from routing.taxonomy import Taxonomy
from routing.type_shares import type_shares
from routing.words import TYPE_SLICE, TYPES, UNIT, slot
from schemas.classification import TaskDescriptor, TaskType
from schemas.cluster_reading import ClusterReading
from schemas.control_taxonomy import Route, TypeProfile
from schemas.decision import SignalsView
from schemas.request import Attachment, RequestReceived

Complexity = Literal["simple", "medium", "complex", "critical"]
Pattern = Literal["single-shot", "multi-step", "iterative"]
_NO_PREDICTIONS: Final[dict[str, float]] = {}
BOUND_FIXED: Final = 64
BOUND_TOOL_USE: Final = 1024
"""Tokens that providers add of their own when tools are given."""
BOUND_PER_TOOL: Final = 64
"""What wire formats wrap around each tool definition."""
BOUND_IMAGE: Final = 8192
_TYPE_OF: Final = {kind.value: kind for kind in TaskType}
_INDEX: Final = {kind: index for index, kind in enumerate(TYPES)}
_SIMPLE, _COMPLEX, _CRITICAL = (slot(f"level/{level}") for level in ("simple", "complex", "critical"))
_ROUNDS: Final = slot("mark/rounds")
_FEW: Final = 6
_SHORT: Final = 12
_DEMANDS: Final = 3
_NEVER_SMALL: Final = frozenset({"architecture", "code-review", "debugging", "research", "testing"})
"""Types that take the usual effort even when asked for in a few words."""
_GROWING: Final = frozenset({"factual", "translation"})
"""Types that are simple when asked for in a few words only."""
_CODE_TYPES: Final = frozenset({"code-generation", "code-review", "debugging", "refactoring", "testing"})
_BY_INTENT: Final = {
    "fix": "debugging",
    "review": "code-review",
    "create": "code-generation",
    "explain": "documentation",
    "analyze": "code-review",
}
_RANK: Final[tuple[Complexity, ...]] = ("simple", "medium", "complex", "critical")


class Classified(NamedTuple):
    """The task descriptor, and the cluster scores that were read for it."""

    task: TaskDescriptor
    clusters: ClusterReading | None


class _Guess(NamedTuple):
    """A type, how sure it is, and the probabilities behind it where the learned classifier gave it."""

    kind: str
    confidence: float
    verdict: Verdict | None = None

    @property
    def surety(self) -> float:
        """How sure the best answer is, be it ``general``."""
        return self.confidence if self.verdict is None else self.verdict.confidence


def classify(request: RequestReceived, compiled: CompiledConfig) -> TaskDescriptor:
    """Return the task descriptor of a request by its text and fields alone, without clusters."""
    return classify_with(request, compiled, None).task


def classify_with(request: RequestReceived, compiled: CompiledConfig, reader: ClusterReader | None) -> Classified:
    """Return the task descriptor of a request. Never raises on text; the text cannot change caps or policy.

    ``reader`` is asked for cluster scores where the tenant's policy wants them; without it there are none.
    """
    taxonomy = compiled.taxonomy_of(request.tenant)
    reading = read(request, taxonomy.words)
    detector = compiled.detector_of(request.tenant)
    if detector is not None:
        found = {**reading.signals.__dict__, "sensitive": detector.detect_in(request)}
        reading = reading._replace(signals=build(SignalsView, found))
    route = taxonomy.route(request.mode, request.job_type)
    area = compiled.area_type(request.tenant, request.space, request.area, request.area_task_type)
    said = area if area is not None else None if route.type is None else route.type.value
    guess = _type(reading, taxonomy) if said is None else _Guess(said, 1.0)
    policy = compiled.tenant(request.tenant) if reader is not None and route.modality == "text" else None
    plan = None if policy is None else policy.clusters
    scores = None
    if reader is not None and plan is not None and plan.asked(guess.surety):
        scores = reader(plan.table.reference, reading.text.lower)
        guess = _blend(guess, scores, plan, taxonomy)
    match = NO_MATCH if scores is None or plan is None else plan.table.match(scores)
    task = _describe(request, reading, taxonomy, route, guess, _predictions(request, route, compiled))
    if match.cluster is not None:
        task = build(TaskDescriptor, {**task.__dict__, "cluster": match.cluster, "cluster_score": match.score})
    return Classified(task, scores)


def _predictions(request: RequestReceived, route: Route, compiled: CompiledConfig) -> dict[str, float]:
    """Return what the predictor of the tenant's router says of the text; empty without one, and for other than text."""
    policy = compiled.tenant(request.tenant)
    if policy is None or policy.predictor is None or route.modality != "text":
        return _NO_PREDICTIONS
    text = question_of(request)
    return policy.predictor.predictions(text) if text else _NO_PREDICTIONS


def _blend(guess: _Guess, scores: ClusterReading | None, plan: ClusterPlan, taxonomy: Taxonomy) -> _Guess:
    """Return the guess after the scores, where it was unsure."""
    if scores is None or guess.verdict is None or guess.surety >= plan.table.document.unsure_below:
        return guess
    return _said(blended(guess.verdict, scores, plan.table), taxonomy.classifier_floor)


def _type(reading: Reading, taxonomy: Taxonomy) -> _Guess:
    """Return the type by the learned classifier if the taxonomy names one, else by its words.

    By words: the share of the strongest evidence, below the floor ``general``;
    confidence = first / (first + second + 1): one word alone gives 0.5, a rival of equal strength halves it.
    """
    signals = reading.signals
    if signals.is_greeting and reading.words <= 2:
        return _Guess(TaskType.SIMPLE_TASK.value, 0.9)
    if taxonomy.classifier is not None:
        if not reading.words:
            return _Guess(TaskType.GENERAL.value, 0.0)
        return _said(taxonomy.classifier.verdict(reading), taxonomy.classifier_floor)
    scores = [value / UNIT for value in reading.evidence[TYPE_SLICE]]
    _add_structure(scores, reading)
    first = second = 0.0
    best = _INDEX["general"]
    for index, score in enumerate(scores):
        if score > first:
            first, second, best = score, first, index
        elif score > second:
            second = score
    if signals.is_greeting and first < 1:
        return _Guess(TaskType.SIMPLE_TASK.value, 0.9)
    confidence = round(first / (first + second + 1.0), 9)
    if confidence < taxonomy.confidence_floor:
        return _Guess(TaskType.GENERAL.value, confidence)
    return _Guess(TYPES[best], confidence)


def _said(verdict: Verdict, floor: float) -> _Guess:
    """Return the most likely type and its calibrated probability.

    ``general`` is what the text does not tell: its confidence is that of the best other type, which was not enough.
    """
    if verdict.best == _INDEX["general"]:
        return _Guess(TaskType.GENERAL.value, verdict.runner_up, verdict)
    kind = verdict.label if verdict.confidence >= floor else TaskType.GENERAL.value
    return _Guess(kind, verdict.confidence, verdict)


def _add_structure(scores: list[float], reading: Reading) -> None:
    """Add what structure says: code, traces, formulas, the form of a short question."""
    signals = reading.signals
    if reading.has_trace:
        scores[_INDEX["debugging"]] += 2.0
    if signals.has_code_blocks or signals.has_syntax_keywords:
        scores[_INDEX[_BY_INTENT.get(signals.intent or "", "code-generation")]] += (
            2.0 if signals.has_code_blocks else 1.0
        )
    elif signals.has_file_extensions:
        scores[_INDEX[_BY_INTENT.get(signals.intent or "", "code-generation")]] += 0.5
    if reading.has_maths and not signals.has_code_blocks and not signals.has_syntax_keywords:
        scores[_INDEX["math"]] += 1.5
    if signals.is_short_question:
        scores[_INDEX["factual"]] += 0.7


def _complexity(reading: Reading, base: Complexity, kind: str) -> Complexity:
    """Return the complexity: the type's own, moved by words of level, length and number of listed demands."""
    evidence = reading.evidence
    if evidence[_CRITICAL] >= 2 * UNIT or (evidence[_CRITICAL] >= UNIT and base == "complex"):
        return "critical"
    rank = _RANK.index(base)
    tokens = reading.signals.estimated_tokens
    if evidence[_COMPLEX] > evidence[_SIMPLE] or tokens > 4000 or reading.bullets >= 5:
        rank += 1
    elif evidence[_SIMPLE] > evidence[_COMPLEX] and not evidence[_CRITICAL]:
        rank -= 1
    else:
        rank += _by_length(reading.words, base, kind)
    return _RANK[max(0, min(2, rank))]


def _by_length(words: int, base: Complexity, kind: str) -> int:
    """Return what length says: a few words ask for little, a question in many words for more than a look-up."""
    if (words <= _FEW and kind not in _NEVER_SMALL) or (words <= _SHORT and base == "complex"):
        return -1
    return int(words > _SHORT and kind in _GROWING)


def _pattern(reading: Reading, usual: Pattern, complexity: Complexity) -> Pattern:
    """Return how the work goes: in rounds where the text asks for that, in steps where it lists demands."""
    if reading.evidence[_ROUNDS] >= UNIT:
        return "iterative"
    if usual == "single-shot" and reading.bullets >= _DEMANDS:
        return "multi-step"
    return expected_pattern(usual, complexity)


def expected_pattern(usual: Pattern, complexity: Complexity) -> Pattern:
    """Return how work of a kind usually goes: complex work takes steps, simple work none."""
    if usual == "single-shot" and complexity in {"complex", "critical"}:
        return "multi-step"
    return "single-shot" if usual == "multi-step" and complexity == "simple" else usual


def _describe(
    request: RequestReceived,
    reading: Reading,
    taxonomy: Taxonomy,
    route: Route,
    guess: _Guess,
    predictions: dict[str, float],
) -> TaskDescriptor:
    kind = guess.kind
    profile = taxonomy.profiles[kind]
    signals = reading.signals
    complexity = _complexity(reading, profile.complexity, kind)
    has_tools = bool(request.tools or request.mcp_tools or request.tool_definitions)
    shares = {} if guess.verdict is None else type_shares(guess.verdict.billionths)
    output = _output(taxonomy, shares or {kind: 1.0}, complexity, signals.estimated_tokens)
    if request.max_output_tokens is not None:
        output = min(output, request.max_output_tokens)
    code = profile.involves_code or signals.has_code_blocks or signals.has_syntax_keywords
    limits = request.constraints
    return build(
        TaskDescriptor,
        {
            "type": _TYPE_OF[kind],
            "complexity": complexity,
            "pattern": _pattern(reading, profile.pattern, complexity),
            "estimated_input_tokens": signals.estimated_tokens,
            "estimated_output_tokens": max(1, output),
            "requires_extended_thinking": profile.thinking and complexity != "simple",
            "involves_code": code or kind in _CODE_TYPES,
            "priority": request.priority
            if "priority" in request.model_fields_set
            else (5 if complexity == "critical" else profile.priority),
            "constraints": limits.model_dump(mode="json", exclude_none=True) if limits.model_fields_set else {},
            "confidence": guess.confidence,
            "input_token_bound": input_bound(request, reading.bytes),
            "needs_vision": signals.has_images and route.modality == "text",
            "needs_tools": has_tools,
            "type_shares": shares,
            "complexity_shares": taxonomy.complexity_shares.get(complexity, _NO_PREDICTIONS),
            "wants_json": request.response_format is not None
            and request.response_format.get("type") in {"json_object", "json_schema"},
            "modality": route.modality,
            "signals": signals,
            "features": features_of(reading),
            "cluster": None,
            "cluster_score": None,
            "predictions": predictions,
        },
    )


def _output(taxonomy: Taxonomy, shares: Mapping[str, float], complexity: Complexity, input_tokens: int) -> int:
    """Return the likely length of an answer in tokens, over all kinds of work that the text may be."""
    return int(
        sum(
            expected_output(taxonomy.profiles[kind], kind, complexity, input_tokens) * share
            for kind, share in shares.items()
        )
    )


def expected_output(profile: TypeProfile, kind: str, complexity: Complexity, input_tokens: int) -> int:
    """Return the likely length of an answer in tokens: by type and complexity, or that of the text to be rewritten."""
    factor = {"simple": 1, "medium": 2, "complex": 3, "critical": 4}[complexity]
    output = profile.output_tokens * factor // 2
    return max(output, input_tokens) if kind in {"translation", "refactoring"} else output


def input_bound(request: RequestReceived, text_bytes: int) -> int:
    """Return a number of input tokens that no tokenizer passes.

    UTF-8 bytes of all content + 8 per message + bytes of tool definitions and answer format + 64; attachments count as
    stated or by length, a picture 8,192.
    """
    total = text_bytes + BOUND_PER_MESSAGE * (len(request.messages) + 1) + BOUND_FIXED
    for name in (*request.tools, *request.mcp_tools):
        total += len(name)
    if request.tool_definitions:
        total += len(to_json(request.tool_definitions)) + BOUND_PER_TOOL * len(request.tool_definitions)
        total += BOUND_TOOL_USE
    elif request.tools or request.mcp_tools:
        total += BOUND_TOOL_USE
    if request.response_format is not None:
        total += len(to_json(request.response_format))
    for message in request.messages:
        total += len(message.name or "") + len(message.tool_call_id or "")
    for part in request.attachments:
        total += _attachment_bound(part)
    if request.payload is not None:
        total += _attachment_bound(request.payload)
    return total


def _attachment_bound(part: Attachment) -> int:
    if part.kind in {"image", "mask", "keyframes"}:
        return max(part.tokens or 0, BOUND_IMAGE)
    return max(part.tokens or 0, part.length)


def text_bound(text: str) -> int:
    """Return the bound of one plain prompt."""
    return byte_length(text) + BOUND_PER_MESSAGE + BOUND_FIXED
