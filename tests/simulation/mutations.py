"""Rules of the protocols that a run can be told to break, to show that the simulation notices (never product flags)."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from typing import Any
from unittest.mock import patch

from routing import desk_calls, dispatch_trail
from routing.calls import Calls, Claim, Transition, fold
from routing.ledger import Ledger
from schemas.envelope import to_ms
from schemas.provider_call import NOT_SENT, CallEvent, CallFailed, CallStarted


class Mutation(StrEnum):
    """Each is one rule taken away, in the shell of the simulation or around a part of the production core."""

    NO_READ_BACK = "call the provider as soon as the claim is written, without reading it back"
    NO_INPUT_ORDER = "decide requests before the provider-calls that lie before them"
    NO_DEDUPE = "forget which request ids were seen"
    NO_GENERATION_CHECK = "commit transactions without asking whether the partition is still ours"
    RESTORE_BEFORE_OFFSETS = "restore first, ask for committed offsets afterwards, without the fence"
    KEEP_BY_OFFSETS = "keep a desk over a rebalance when the offsets are equal, whatever the journal says"
    NO_STABLE_WAIT = "restore while markers of transactions are on their way"
    LAST_CLAIM_WINS = "let an executor believe in its own claim, also when another came first"
    TIME_FREES_MONEY = "release the hold of an unknown attempt instead of charging it"
    LOSERS_RELEASE = "let a lost claim release the hold"
    SETTLE_TWICE = "settle every call.finished of a closed decision again"


@contextmanager
def broken(mutation: Mutation | None) -> Generator[None]:
    """Break the production core for the time of a run, where the mutation concerns it."""
    if mutation is Mutation.TIME_FREES_MONEY:
        with patch.object(Ledger, "forfeit", _release):
            yield
    elif mutation is Mutation.LAST_CLAIM_WINS:
        with patch.object(dispatch_trail, "fold", _fold_last_claim):
            yield
    elif mutation is Mutation.LOSERS_RELEASE:
        with patch.object(desk_calls, "fold", _fold_losers):
            yield
    elif mutation is Mutation.SETTLE_TWICE:
        with patch.object(desk_calls, "fold", _fold_again):
            yield
    else:
        yield


def _release(ledger: Ledger, common: Any, decision_id: str, _attempt: str, reason: str, _policy: Any) -> Any:
    return ledger.release(common, decision_id, reason)


def _fold_last_claim(calls: Calls, event: CallEvent) -> tuple[Calls, Transition]:
    after, did = fold(calls, event)
    if did.reason == "lost_claim" and isinstance(event, CallStarted):
        claim = Claim(event.instance, event.incarnation, to_ms(event.expires_at))
        return replace(calls, claim=claim), Transition("claimed", event.attempt_id)
    return after, did


def _fold_losers(calls: Calls, event: CallEvent) -> tuple[Calls, Transition]:
    after, did = fold(calls, event)
    if did.reason == "lost_claim" and isinstance(event, CallFailed) and event.category == NOT_SENT:
        return replace(calls, ending="not_sent", ended_by=event.id), Transition("not_sent", event.attempt_id)
    return after, did


def _fold_again(calls: Calls, event: CallEvent) -> tuple[Calls, Transition]:
    after, did = fold(calls, event)
    if did.kind == "ignored" and did.reason == "closed":
        return calls, Transition("conflict", event.attempt_id)
    return after, did
