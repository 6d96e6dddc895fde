"""Changes of one request, of what a person had decided, or of the hour, that may choose another model."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from routing.bars import barring_windows
from routing.changes import Change, Inquiry, dollars, least, of_request
from routing.counterfactual import CLOCK, TASK, VIEW, Edit
from routing.reason_codes import BUDGET_RULES, VetoRule
from routing.references import AUTO
from routing.situation import OPEN
from schemas.decision import OverrideView, WindowLine

_MONEY = frozenset({VetoRule.MAX_COST.value, VetoRule.PER_REQUEST_CAP.value, *BUDGET_RULES})


def name_it(q: Inquiry) -> Iterator[Change]:
    """Ask for the model by name."""
    before = q.case.facts.model
    if before != q.model:
        yield Change("name", f"name it in the request: --model {q.model}", (of_request(("model",), before, q.model),))


def leave_it_open(q: Inquiry) -> Iterator[Change]:
    """Ask for no model by name."""
    if q.case.facts.model != AUTO:
        words = f"leave the model to the router instead of asking for {q.case.facts.model}"
        yield Change("auto", words, (of_request(("model",), q.case.facts.model, AUTO),))


def raise_max_cost(q: Inquiry) -> Iterator[Change]:
    """Allow the request what the model may cost at most."""
    limit, scored = q.case.facts.constraints.max_cost, q.standing.scored
    if VetoRule.MAX_COST.value in q.barred_by and scored is not None:
        words = f"raise the request's max_cost from {dollars(limit)} to {dollars(scored.bound)}"
        yield Change("max_cost", words, (of_request(("constraints", "max_cost"), limit, scored.bound),))


def allow_time(q: Inquiry) -> Iterator[Change]:
    """Give the request the time that the model takes."""
    scored, limits = q.standing.scored, q.case.facts.constraints
    if scored is None:
        return
    if limits.max_latency_ms is not None and scored.latency > limits.max_latency_ms:
        words = f"raise the request's max_latency_ms from {limits.max_latency_ms} to {scored.latency}"
        path = ("constraints", "max_latency_ms")
        yield Change("max_latency", words, (of_request(path, limits.max_latency_ms, scored.latency),))
    needed = q.case.now + timedelta(seconds=-(-scored.latency // 1000))
    if limits.deadline is not None and limits.deadline < needed:
        words = f"move the request's deadline to {needed.isoformat()}"
        yield Change("deadline", words, (of_request(("constraints", "deadline"), limits.deadline, needed),))


def lower_min_quality(q: Inquiry) -> Iterator[Change]:
    """Ask for no more quality than the model has."""
    limit, quality = q.case.facts.constraints.min_quality, q.standing.row.entry.quality
    if limit is not None and quality < limit:
        words = f"lower the request's min_quality from {limit:g} to {quality:g}"
        yield Change("min_quality", words, (of_request(("constraints", "min_quality"), limit, quality),))


def shorten_answer(q: Inquiry) -> Iterator[Change]:
    """Allow fewer tokens of answer, as long as the estimated answer fits: the bound falls with them."""
    s, scored = q.look.s, q.standing.scored
    if not q.barred_by or not q.barred_by <= _MONEY or scored is None:
        return
    path, before, largest = ("max_output_tokens",), q.case.facts.max_output_tokens, scored.max_output - 1
    span = least(0, largest - s.output_tokens, lambda less: q.chosen_with(of_request(path, before, largest - less)))
    if span is not None:
        words = f"allow at most {largest - span} tokens of answer: --max-output-tokens {largest - span}"
        yield Change("max_output_tokens", words, (of_request(path, before, largest - span),))


def shorten_prompt(q: Inquiry) -> Iterator[Change]:
    """Send a prompt that fits the model's context window."""
    s, entry = q.look.s, q.standing.row.entry
    room = entry.context_window - s.output_tokens
    if VetoRule.CONTEXT_WINDOW.value in q.barred_by and room > 0:
        words = f"shorten the prompt from about {s.input_tokens:,} tokens to {room:,}"
        yield Change("prompt", words, (Edit(TASK, ("estimated_input_tokens",), s.input_tokens, room),))


def new_conversation(q: Inquiry) -> Iterator[Change]:
    """Leave the conversation, whose model has an advantage."""
    current = q.case.view.conversation_model
    if current is not None:
        words = f"start a new conversation: this one uses {current}, which counts for that model"
        edits = (Edit(VIEW, ("conversation_model",), current, None),)
        yield Change("conversation", words, edits)


def decide_afresh(q: Inquiry) -> Iterator[Change]:
    """Let the kept decision about alike tasks end."""
    kept = q.case.view.cached
    if kept is not None:
        words = "decide afresh: a kept decision about similar work was repeated"
        yield Change("afresh", words, (Edit(VIEW, ("cached",), kept, None),))


def lift_override(q: Inquiry) -> Iterator[Change]:
    """Take back the override that holds, or let it name the model."""
    held = q.case.view.override
    if held is None:
        return
    where = "of the user" if held.scope == "always" else f"of this {held.scope}"
    words = f"lift the override {where} ({held.override_id}), which names {held.model}"
    yield Change("lift_override", words, (Edit(VIEW, ("override",), held, None),))
    other = OverrideView(scope=held.scope, model=q.model, override_id=held.override_id)
    words = f"let the override {where} name it instead of {held.model}"
    yield Change("override", words, (Edit(VIEW, ("override",), held, other),))


def change_settings(q: Inquiry) -> Iterator[Change]:
    """Switch Auto on where the user's settings have it off or fixed, or prefer the model there."""
    held = q.case.view.settings
    if held is None:
        return
    if held.auto != "on":
        after = held.model_copy(update={"auto": "on", "model": None})
        words = f"switch Auto on in the user's settings, where it is {held.auto}"
        yield Change("auto_on", words, (Edit(VIEW, ("settings",), held, after),))
    if any(q.means(text) for text in held.avoided_models):
        after = held.model_copy(update={"avoided_models": q.without(held.avoided_models)})
        words = "take it off the avoided models of the user's settings"
        yield Change("settings_avoid", words, (Edit(VIEW, ("settings",), held, after),))
    if held.profile is not None:
        after = held.model_copy(update={"profile": None})
        words = f"ask for no profile in the user's settings, which name {held.profile}"
        yield Change("settings_profile", words, (Edit(VIEW, ("settings",), held, after),))


def reset_preferences(q: Inquiry) -> Iterator[Change]:
    """Forget what the user tends to prefer."""
    known = q.case.view.preference
    if known is not None and known.scores:
        words = "reset the user's preferences, which count in the score"
        yield Change("preferences", words, (Edit(VIEW, ("preference",), known, None),))


def wait_for_budget(q: Inquiry) -> Iterator[Change]:
    """Wait until the budget windows that bar the model have ended."""
    scored = q.standing.scored
    if scored is None:
        return
    barring = barring_windows(q.look.s, scored.bound)
    if not barring:
        return
    until = max(line.end for line in barring)
    edits = (
        Edit(CLOCK, (), q.case.now, until),
        Edit(VIEW, ("windows",), q.case.view.windows, tuple(_at(line, until) for line in q.case.view.windows)),
    )
    yield Change("wait", f"wait until {until.isoformat()}, when the budget has room for it again", edits)


def wait_for_provider(q: Inquiry) -> Iterator[Change]:
    """Wait until the provider answers again."""
    if VetoRule.PROVIDER_OPEN.value not in q.barred_by:
        return
    names = [served.provider for served in q.standing.row.endpoints]
    health = q.case.view.health
    closed = {place: state for place, state in health.items() if state != OPEN or place.partition("|")[0] not in names}
    words = f"wait until {' or '.join(names)} answers again: every breaker of it is open"
    yield Change("provider", words, (Edit(VIEW, ("health",), health, closed),))


def _at(line: WindowLine, instant: datetime) -> WindowLine:
    """Return the window of the same kind at a later instant: empty, if this one has ended by then."""
    if line.end > instant:
        return line
    return line.model_copy(update={"start": instant, "end": instant + (line.end - line.start), "spent": 0, "held": 0})
