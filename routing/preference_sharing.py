"""What a user's row means for the rows of the spaces and of the organisation (SPEC R7): clipped, and exact.

A shared row is the sum, over users, of their *votes*: a user's week counts as at most one choice and one opinion,
shared out in proportion over what the user did in it. With ``c`` choices (overrides, answers kept) and ``o`` opinions
(ratings and inferred signals) in a week,

    votes = counts of choices * min(1, 1 / c),  counts of opinions * min(1, 1 / o),  on a grid of 1e-6

so nobody moves a shared row by more than one choice and one opinion a week, whatever they do (bounding each person's
contribution, as in differential privacy; no noise is added). Ratings that name no user count as one person's.
Bound on the score: ``routing.preferences.influence``.

Votes follow from the user's row alone, so a shared row changes by the difference of the votes before and after, and a
reset takes back exactly what was given. User rows are written before shared rows. A crash in between leaves user rows
that say more than the shared ones have; what is missing lies in the user row's ``outbox`` and is added when the events
are read again: the fence of the shared row tells which part it has. Until then a later change may leave an amount below
nought; readers take it for none.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from routing.fence import Mark
from routing.preference_fold import MAX_MODELS, added_to, aged
from routing.weeks import GRID, WEEKS
from schemas.feedback import Outbox, PreferenceState, Share
from schemas.statistics import NOWHERE, Counts, PreferenceLevel, PreferenceRow, Signal, Weeks, preference_key

ORGANISATION: Final = NOWHERE
"""Target of what goes to the organisation's row; any other target is a space."""
_CHOICES: Final[tuple[Signal, ...]] = ("overrides_to", "kept")
_WITH_CHOICES: Final[frozenset[Signal]] = frozenset({"overrides_to", "overrides_from", "kept"})
_OPINIONS: Final[tuple[Signal, ...]] = (
    "ratings",
    "regenerated",
    "edited",
    "abandoned",
    "tool_success",
    "conversations",
)

Changes = dict[tuple[str, int], Counts]
"""(model, week) -> amounts, positive or negative."""
ByTarget = dict[str, Changes]


def votes(by_model: Mapping[str, Counts]) -> dict[str, Counts]:
    """Return one user's votes of one week: model -> counts, scaled to one choice and one opinion over all models."""
    choices = sum(counts.get(signal, 0.0) for counts in by_model.values() for signal in _CHOICES)
    opinions = sum(counts.get(signal, 0.0) for counts in by_model.values() for signal in _OPINIONS)
    by_choice, by_opinion = max(choices, 1.0), max(opinions, 1.0)
    return {
        model: {
            signal: round(amount / (by_choice if signal in _WITH_CHOICES else by_opinion), GRID)
            for signal, amount in counts.items()
        }
        for model, counts in by_model.items()
    }


def shared_changes(before: PreferenceRow, after: PreferenceRow) -> ByTarget:
    """Return what a change of a user's row means for the organisation and the spaces."""
    touched = _touched(before, after)
    spaces = sorted({space for space, _ in touched})
    found: ByTarget = {}
    for target in (ORGANISATION, *(space for space in spaces if space != NOWHERE)):
        weeks = sorted({week for space, week in touched if target in {ORGANISATION, space}})
        changes: Changes = {}
        for week in weeks:
            gone, come = votes(_of_week(before, target, week)), votes(_of_week(after, target, week))
            for model in sorted({*gone, *come}):
                amounts = _difference(gone.get(model, {}), come.get(model, {}))
                if amounts:
                    changes[model, week] = amounts
        if changes:
            found[target] = changes
    return found


def _touched(before: PreferenceRow, after: PreferenceRow) -> set[tuple[str, int]]:
    """Return (space, week) of the counts that differ; what is the same object is not looked into."""
    touched: set[tuple[str, int]] = set()
    for space in {*before.evidence, *after.evidence}:
        old, new = before.evidence.get(space, {}), after.evidence.get(space, {})
        for model in {*old, *new}:
            was, now = old.get(model, {}), new.get(model, {})
            if was is not now:
                touched |= {(space, week) for week in {*was, *now} if was.get(week) != now.get(week)}
    return touched


def _of_week(row: PreferenceRow, target: str, week: int) -> dict[str, Counts]:
    """Return model -> counts of one week, in one space or (for the organisation) in all places."""
    places = row.evidence.values() if target == ORGANISATION else (row.evidence.get(target, {}),)
    found: dict[str, Counts] = {}
    for by_model in places:
        for model, weeks in by_model.items():
            counts = weeks.get(week)
            if counts:
                known = found.get(model)
                found[model] = counts if known is None else _plus(known, counts)
    return found


def _plus(one: Counts, other: Counts) -> Counts:
    total: Counts = {**one}
    for signal, amount in other.items():
        total[signal] = round(total.get(signal, 0.0) + amount, GRID)
    return total


def _difference(old: Counts, new: Counts) -> Counts:
    signals: list[Signal] = sorted({*old, *new})
    found: Counts = {}
    for signal in signals:
        amount = round(new.get(signal, 0.0) - old.get(signal, 0.0), GRID)
        if amount:
            found[signal] = amount
    return found


def changed(row: PreferenceState, changes: Changes, now: datetime) -> PreferenceState:
    """Return a shared row after ``changes``, bounded in weeks and models.

    Beyond ``MAX_MODELS`` the model with the least votes goes: names that one user invents share that user's one vote.
    """
    newest = max([row.week, *(week for _, week in changes)])
    evidence = aged(row.evidence, row.week, newest)
    by_model = evidence.get(NOWHERE, {})
    for (model, week), amounts in changes.items():
        if week > newest - WEEKS:
            by_model = added_to(by_model, model, week, amounts)
    while len(by_model) > MAX_MODELS:
        least = min(by_model, key=lambda model: (_amount(by_model[model]), model))
        by_model = {model: weeks for model, weeks in by_model.items() if model != least}
    return row.model_copy(
        update={
            "version": row.version + 1,
            "week": newest,
            "evidence": {NOWHERE: by_model} if by_model else {},
            "updated_at": max(row.updated_at, now),
        }
    )


def _amount(weeks: Weeks) -> float:
    return round(sum(sorted(amount for counts in weeks.values() for amount in counts.values())), GRID)


@dataclass(slots=True)
class _Pending:
    """A user's outbox in the making: what the batch means for one target since ``first``."""

    first: int
    changes: Changes


@dataclass(slots=True)
class SharedRows:
    """The shared rows a batch changes, and the outboxes of its users; ``read`` returns a row as it is now."""

    read: Callable[[str], PreferenceState | None]
    changed: dict[str, PreferenceState] = field(default_factory=dict[str, PreferenceState])
    _pending: dict[tuple[str, str], dict[str, _Pending]] = field(
        default_factory=dict[tuple[str, str], dict[str, _Pending]]
    )

    def give(self, key: str, row: PreferenceState, found: ByTarget, mark: Mark, now: datetime) -> None:
        """Add what an event, new to the user's row ``row`` (of ``key``), means for others."""
        pending = self._pending.setdefault((key, mark.topic), {})
        for target, changes in found.items():
            known = pending.get(target)
            if known is None:
                pending[target] = _Pending(mark.offset, changes)
            else:
                known.changes = _together(known.changes, changes)
            self._add(row.tenant, target, changes, mark, mark.offset, now)

    def give_again(self, key: str, row: PreferenceState, mark: Mark, now: datetime) -> None:
        """Add what the row of an event read again holds for others and they do not have yet."""
        if mark.offset > row.fence.get(mark.topic, -1):
            return
        pending = self._pending.setdefault((key, mark.topic), {})
        for outbox in row.outbox.get(mark.topic, ()):
            if outbox.space in pending or mark.offset < outbox.first:
                continue
            changes: Changes = {(share.model, share.week): share.amounts for share in outbox.shares}
            if self._add(row.tenant, outbox.space, changes, mark, outbox.first, now):
                pending[outbox.space] = _Pending(outbox.first, changes)

    def _add(self, tenant: str, target: str, changes: Changes, mark: Mark, first: int, now: datetime) -> bool:
        """Add ``changes`` unless the target's row has what lies at ``first``; return whether it did not."""
        level: PreferenceLevel = "organisation" if target == ORGANISATION else "space"
        key = preference_key(tenant, level, target)
        row = self.changed.get(key) or self.read(key)
        if row is None:
            row = PreferenceState(
                version=0, tenant=tenant, level=level, space=target, observations=0, models={}, updated_at=now
            )
        if row.fence.get(mark.topic, -1) >= first:
            return False
        fence = {**row.fence, mark.topic: mark.offset}
        self.changed[key] = changed(row, changes, now).model_copy(update={"fence": fence})
        return True

    def outboxes(self) -> Iterable[tuple[str, dict[str, tuple[Outbox, ...]]]]:
        """Yield key of a user's row -> source topic -> outboxes, of the rows of this batch."""
        by_key: dict[str, dict[str, tuple[Outbox, ...]]] = {}
        for (key, topic), pending in self._pending.items():
            by_key.setdefault(key, {})[topic] = tuple(
                Outbox(space=target, first=one.first, shares=_shares(one.changes)) for target, one in pending.items()
            )
        yield from by_key.items()


def _together(one: Changes, other: Changes) -> Changes:
    total = {**one}
    for place, amounts in other.items():
        total[place] = _plus(total.get(place, {}), amounts)
    return total


def _shares(changes: Changes) -> tuple[Share, ...]:
    return tuple(Share(model=model, week=week, amounts=amounts) for (model, week), amounts in changes.items())
