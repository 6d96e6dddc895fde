"""The story of a request as text for people."""

from collections.abc import Iterator

from pointsman.lines import columns, decision_line, dollars, result_line, said_words, seconds
from pointsman.story import Story
from schemas.adaptation import AppliedAdaptation
from schemas.decision import AttemptPlan, DecisionCancelled, DecisionMade, RequestRefused, SignalsView, WindowLine
from schemas.ledger import Adjusted, Conflicted, Forfeited, Held, LedgerEvent, Released, Settled
from schemas.outcome import OutcomeInferred, OutcomeRated
from schemas.override import OverrideAnswered, OverrideRequested
from schemas.provider_call import CallEvent, CallFailed, CallFinished, CallUnknown
from schemas.request import RequestCancelled, RequestReceived
from schemas.result import FinalResult, NoticeBase, RejectedNotice

_LABEL = 11


def lines(story: Story, *, content: bool = False) -> Iterator[str]:
    """Yield the story: the request, each decision with what it saw, money, calls, result, people's reactions."""
    yield _line("request", f"{story.request_id}  (tenant {story.tenant}, partition {story.partition})")
    for event in story.events(RequestReceived):
        if isinstance(event, RequestReceived):
            yield from _request(event, content=content)
    for event in story.events(DecisionMade, RequestRefused, DecisionCancelled):
        yield ""
        if isinstance(event, DecisionMade | RequestRefused):
            yield from _decision(event)
        else:
            yield _line("cancelled", f"decision {getattr(event, 'decision_id', '')}")
    yield from _money_and_calls(story)
    yield from _result(story, content=content)
    yield from _people(story)


def _line(label: str, text: str) -> str:
    return f"{label:<{_LABEL}}{text}"


def _block(label: str, rows: list[str]) -> Iterator[str]:
    for number, row in enumerate(rows):
        yield _line(label if number == 0 else "", row)


def _request(request: RequestReceived, *, content: bool) -> Iterator[str]:
    yield _line("at", f"{request.occurred_at:%Y-%m-%d %H:%M:%S %Z}, from {request.source}")
    asked = [f"model {request.model}"]
    for name in ("user", "conversation_id", "mode", "job_type", "space", "space_type", "area", "use_case", "plan"):
        value = getattr(request, name)
        if value is not None:
            asked.append(f"{name.replace('_', ' ')} {value}")
    limits = request.constraints
    if limits.max_cost is not None:
        asked.append(f"at most {dollars(limits.max_cost)}")
    if limits.min_quality is not None:
        asked.append(f"quality from {limits.min_quality:g}")
    if limits.max_latency_ms is not None:
        asked.append(f"within {seconds(limits.max_latency_ms)}")
    asked += [word for word in ("sensitive", "planning", "assist") if getattr(request, word)]
    yield _line("asked", ", ".join(asked))
    if content:
        for message in request.conversation():
            yield _line("", f"[{message.role}] {message.content}")


def _decision(event: DecisionMade | RequestRefused) -> Iterator[str]:
    yield _line(f"decision {event.number}", decision_line(event))
    yield _line("", f"id {event.id}; policy {event.policy}, catalog {event.catalog}, prices {event.price_book}")
    signals = _signals(event.signals)
    if signals:
        yield _line("signals", signals)
    if isinstance(event, DecisionMade):
        yield _line("codes", ", ".join(event.reason_codes) or "-")
        if event.forced_by is not None:
            yield _line(
                "forced", f"by {event.forced_by}" + (f", instead of {event.from_model}" if event.from_model else "")
            )
        if event.rule is not None:
            yield _line("rule", f"{event.rule} of {event.rule_source}")
        yield _line(
            "chain",
            " -> ".join(f"{plan.model} ({plan.provider}, at most {dollars(plan.bound)})" for plan in event.chain),
        )
        yield from _block("adapted", [_adapted(plan) for plan in event.chain if plan.adaptation is not None])
        if event.weights is not None:
            by = f" (profile {event.profile})" if event.profile is not None else ""
            yield _line("weights", ", ".join(f"{name} {weight:.2f}" for name, weight in event.weights.items()) + by)
        yield from _block("candidates", _candidates(event))
        yield from _block("preference", _preference(event))
        if event.hold is not None:
            yield _line("hold", f"{dollars(event.hold.amount)}, the largest bound of the chain")
    elif event.needed is not None:
        yield _line("needed", dollars(event.needed))
    rows = [(veto.model, veto.rule, veto.source, veto.detail or "") for veto in event.vetoes]
    yield from _block("vetoes", columns(rows))
    yield from _block("budget", [_window(window) for window in event.view.windows])


def _adapted(plan: AttemptPlan) -> str:
    """Return how the prompt is changed for a model of the chain."""
    found = plan.adaptation or AppliedAdaptation(source="")
    parts = [
        f"{len(found.instructions)} characters of instructions (about {found.added_tokens} tokens)"
        if found.instructions
        else "",
        "instructions in the user's message" if found.place == "user" else "",
        f"stop {', '.join(map(repr, found.stop))}" if found.stop else "",
        f"effort {found.effort}" if found.effort is not None else "",
        f"at most {found.thinking_tokens:,} tokens of thinking" if found.thinking_tokens is not None else "",
    ]
    return f"{plan.model}: {'; '.join(filter(None, parts)) or 'nothing'}, by {found.source}"


def _candidates(event: DecisionMade) -> list[str]:
    own = sorted({name for candidate in event.candidates for name in candidate.extra or {}})
    head = ("model", "score", "capability", "cost", "quality", "latency", "history", *own, "boost", "estimates")
    rows: list[tuple[str, ...]] = [head]
    for candidate in sorted(event.candidates, key=lambda one: -one.score):
        terms = (candidate.capability, candidate.cost, candidate.quality, candidate.latency, candidate.history)
        rows.append(
            (
                candidate.model + (" *" if candidate.model == event.model else ""),
                f"{candidate.score:.3f}",
                *(f"{term:.2f}" for term in terms),
                *(f"{(candidate.extra or {}).get(name, 0):.2f}" for name in own),
                f"{candidate.boost:+.2f}",
                f"{dollars(candidate.estimated_cost)}, {seconds(candidate.estimated_latency_ms)}",
            )
        )
    return columns(rows)


def _preference(event: DecisionMade) -> list[str]:
    """Return what people's behaviour said of the candidates, and which level said it."""
    view = event.view.preference
    if view is None:
        return []
    models = {candidate.model for candidate in event.candidates}
    scores = {model: score for model, score in view.scores.items() if model in models}
    ranked = sorted(scores, key=lambda model: (-scores[model], model))
    levels = view.levels or {}
    return columns([(model, f"{scores[model]:.2f}", said_words(levels.get(model, {}))) for model in ranked])


def _signals(signals: SignalsView) -> str:
    found: list[str] = []
    for name, value in signals.model_dump(exclude_defaults=True).items():
        label = name.removeprefix("has_").removeprefix("is_").replace("_", " ")
        found.append(label if value is True else f"{label} {value}")
    return ", ".join(found)


def _window(window: WindowLine) -> str:
    return (
        f"{window.window}: {dollars(window.spent)} spent + {dollars(window.held)} held of {dollars(window.cap)}, "
        f"until {window.end:%Y-%m-%d %H:%M %Z}"
    )


def _money_and_calls(story: Story) -> Iterator[str]:
    money = [_money(event) for event in story.events(Held, Settled, Released, Forfeited, Adjusted, Conflicted)]
    calls = [_call(event) for event in story.events(CallEvent) if isinstance(event, CallEvent)]
    if money or calls:
        yield ""
    yield from _block("money", money)
    yield from _block("calls", columns(calls))


def _money(event: object) -> str:
    verb = type(event).__name__.lower()
    if isinstance(event, Adjusted):
        return f"{verb} by {dollars(event.difference)} to {dollars(event.amount)}"
    amount = getattr(event, "amount", None)
    reason = getattr(event, "reason", None)
    text = verb if amount is None else f"{verb} {dollars(amount)}"
    return text if reason is None or not isinstance(event, LedgerEvent) else f"{text} ({reason})"


def _call(event: CallEvent) -> tuple[str, ...]:
    what = type(event).__name__.removeprefix("Call").lower()
    detail = ""
    if isinstance(event, CallFinished):
        tokens = f"{event.usage.input_tokens} + {event.usage.output_tokens} tokens"
        detail = f"{seconds(event.latency_ms)}, {tokens}, {dollars(event.cost)}, {event.finish_reason}"
        detail += ", simulated" if event.simulated else ""
    elif isinstance(event, CallFailed):
        status = f" {event.status}" if event.status else ""
        detail = f"{event.category}{status}, billed: {event.billed}" + (f"; {event.detail}" if event.detail else "")
    elif isinstance(event, CallUnknown):
        detail = event.reason
    return (f"attempt {event.attempt}", event.model, event.provider, what, detail)


def _result(story: Story, *, content: bool) -> Iterator[str]:
    results = story.events(FinalResult, RejectedNotice)
    yield ""
    for event in results[:1]:
        if isinstance(event, FinalResult | RejectedNotice):
            yield _line("result", result_line(event))
        if content and isinstance(event, FinalResult) and event.content is not None:
            yield from _block("answer", event.content.splitlines())
    if not results:
        yield _line("result", "pending. Are all stages up? pointsman status")
    for notice in story.events(NoticeBase):
        yield _line(
            "notice", f"{type(notice).__name__.removesuffix('Notice').lower()} at {notice.occurred_at:%H:%M:%S}"
        )


def _people(story: Story) -> Iterator[str]:
    for event in story.events(RequestCancelled, OverrideRequested, OverrideAnswered, OutcomeRated, OutcomeInferred):
        if isinstance(event, OverrideRequested):
            yield _line("override", f"asked for {event.model} ({event.scope}) by {event.user or 'a client'}")
        elif isinstance(event, OverrideAnswered):
            yield _line("override", f"{type(event).__name__.removeprefix('Override').lower()}: {event.reason}")
        elif isinstance(event, OutcomeRated):
            yield _line("rating", f"{event.rating:g} of {event.model} by {event.user or 'a client'}")
        elif isinstance(event, OutcomeInferred):
            yield _line("inferred", f"{event.signal} {event.value:g}")
        else:
            yield _line("cancelled", "by the client")
