"""What will happen to one attempt: decided beforehand, purely, from the call, the behaviour and the draws."""

from dataclasses import dataclass
from typing import Any, Literal

from providers.simulated.answers import answer_text, json_text, sample_json, tokens_of
from providers.simulated.behaviour import Behaviour, Failures
from providers.simulated.draws import Draws
from providers.tool_calls import compact_json

Fate = Literal[
    "answered", "rate_limited", "server_error", "overloaded", "reset_before", "reset_after", "truncated", "unavailable",
    "hang",
]  # fmt: skip
UNBILLED: frozenset[Fate] = frozenset(
    {"rate_limited", "server_error", "overloaded", "reset_before", "unavailable", "hang"}
)
_DRAWN: tuple[Fate, ...] = (
    "rate_limited",
    "server_error",
    "overloaded",
    "reset_before",
    "reset_after",
    "truncated",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool offered by the caller."""

    name: str
    parameters: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedCall:
    """A request as the simulator understands it, whichever format it came in. Counts in tokens."""

    model: str
    input_tokens: int
    earlier_tokens: int
    """Of the input: all messages but the last."""
    max_output_tokens: int
    stream: bool = False
    include_usage: bool = True
    tools: tuple[Tool, ...] = ()
    forced_tool: str | None = None
    """Name of the tool that must be called; ``*`` for any."""
    may_call_tool: bool = False
    wants_json: bool = False
    schema: Any = None
    task_type: str | None = None
    texts: tuple[str, ...] = ()
    """Of a call for vectors: nothing is written for it."""
    dimensions: int = 0
    base64: bool = False
    """Whether the vectors are wanted as base64 of 32-bit numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """Usage and price of one attempt: tokens, pico-dollars."""

    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost: int


_NOTHING = Bill(input_tokens=0, cached_input_tokens=0, output_tokens=0, reasoning_tokens=0, cost=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The fate of an attempt. Times in seconds before scaling; ``quality`` 0-100 and ``good`` are the hidden truth."""

    fate: Fate
    text: str = ""
    tool: tuple[str, str] | None = None
    """Name and JSON arguments of a tool call."""
    cut: bool = False
    """The answer was cut at the bound of its length."""
    bill: Bill = _NOTHING
    ttft_s: float = 0.0
    seconds_per_token: float = 0.0
    retry_after_s: float = 0.0
    quality: int = 0
    good: bool = False
    produced_share: float = 1.0
    """Truncated streams: how much of the answer is produced."""

    @property
    def total_s(self) -> float:
        """Time until the whole answer is there."""
        return self.ttft_s + self.seconds_per_token * (self.bill.output_tokens - self.bill.reasoning_tokens)


def plan_call(call: SimulatedCall, behaviour: Behaviour, draws: Draws) -> Plan:
    """Return what happens to the attempt when nothing is switched off."""
    fate = _fate(behaviour.failures, draws, stream=call.stream)
    factor = behaviour.failures.slow_factor if draws.uniform("slow") < behaviour.failures.slow else 1.0
    ttft = draws.lognormal("ttft", behaviour.latency.ttft_ms, behaviour.latency.sigma) / 1000 * factor
    retry_after = behaviour.failures.retry_after_s
    if fate in UNBILLED:
        return Plan(fate=fate, ttft_s=ttft, retry_after_s=retry_after)
    text, tool, visible, cut = _answer(call, behaviour, draws)
    share = behaviour.output.reasoning_share
    reasoning = min(int(visible * share / (1 - share)), call.max_output_tokens - visible)
    truth = behaviour.quality_for(call.task_type)
    score = truth + behaviour.quality_spread * draws.normal("quality")
    return Plan(
        fate=fate,
        text=text,
        tool=tool,
        cut=cut,
        bill=bill_of(call, behaviour, draws, visible + reasoning, reasoning),
        ttft_s=ttft,
        seconds_per_token=factor / behaviour.latency.tokens_per_second,
        retry_after_s=retry_after,
        quality=round(min(100.0, max(0.0, score))),
        good=draws.uniform("good") < truth / 100,
        produced_share=draws.uniform("produced") if fate == "truncated" else 1.0,
    )


def bill_of(call: SimulatedCall, behaviour: Behaviour, draws: Draws, output: int, reasoning: int) -> Bill:
    """Return the bill for the call with ``output`` tokens produced, ``reasoning`` of them hidden."""
    cache = behaviour.cache
    hit = call.earlier_tokens >= cache.min_tokens and draws.uniform("cache") < cache.hit_rate
    cached = call.earlier_tokens if hit else 0
    return Bill(
        input_tokens=call.input_tokens,
        cached_input_tokens=cached,
        output_tokens=output,
        reasoning_tokens=min(reasoning, output),
        cost=behaviour.price.cost(call.input_tokens, cached, output),
    )


def _fate(failures: Failures, draws: Draws, *, stream: bool) -> Fate:
    draw = draws.uniform("fate")
    for fate in _DRAWN:
        share: float = getattr(failures, fate)
        if draw < share:
            return fate if stream or fate != "truncated" else "answered"
        draw -= share
    return "answered"


def _answer(call: SimulatedCall, behaviour: Behaviour, draws: Draws) -> tuple[str, tuple[str, str] | None, int, bool]:
    """Return text, tool call, visible tokens, and whether the answer was cut."""
    if call.texts:
        return "", None, 0, False
    bound = call.max_output_tokens
    tool = _tool(call, behaviour, draws)
    if tool is not None:
        arguments = compact_json(sample_json(tool.parameters))
        return "", (tool.name, arguments), min(bound, tokens_of(tool.name + arguments)), False
    if call.wants_json:
        text = json_text(call.schema)
        wanted = tokens_of(text)
        return text[: bound * 4], None, min(bound, wanted), wanted > bound
    output = behaviour.output
    visible_bound = max(1, int(bound * (1 - output.reasoning_share)))
    median = output.by_task.get(call.task_type or "", output.median_tokens)
    wanted = max(1, round(draws.lognormal("length", median, output.sigma)))
    visible = min(visible_bound, wanted)
    return answer_text(visible, call.task_type, draws), None, visible, wanted > visible_bound


def _tool(call: SimulatedCall, behaviour: Behaviour, draws: Draws) -> Tool | None:
    if not call.tools:
        return None
    if call.forced_tool is not None:
        return next((tool for tool in call.tools if call.forced_tool in ("*", tool.name)), None)
    if call.may_call_tool and draws.uniform("tool") < behaviour.output.tool_call_rate:
        return call.tools[draws.whole("which tool", len(call.tools))]
    return None
