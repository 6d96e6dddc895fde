"""From records to the events the executor's cores take; runs in the readers' threads."""

from dataclasses import dataclass
from typing import Final

import orjson
import structlog
from pydantic import ValidationError

from schemas.decision import AdviceOrdered, CallOrder, DecisionCancelled, DecisionMade, RequestRefused
from schemas.inbound import Rejection, parse, unknown_of
from schemas.partition import partition_for
from schemas.provider_call import CallEvent, ExecutorStarted
from schemas.record import Record
from schemas.topics import BY_NAME, DECISIONS, PROVIDER_CALLS

log = structlog.get_logger()
_LEFT_OUT: Final[dict[str, object]] = {"candidates": (), "vetoes": (), "view": {}}
"""What only people and replay read: most of a decision's bytes."""

_ORDERS: Final[dict[str, type[CallOrder]]] = {order.TYPE: order for order in (DecisionMade, AdviceOrdered)}

DecisionRecord = CallOrder | RequestRefused | DecisionCancelled | None
CallRecord = CallEvent | ExecutorStarted | None


@dataclass(frozen=True, slots=True)
class Decoder:
    """``partitions`` is the partition count of tenant-keyed topics. None stands for a record that asks for nothing."""

    partitions: int

    def decision(self, record: Record) -> DecisionRecord:
        """Return a decision without its explanation, or a cancellation."""
        type_ = record.header("ce_type")
        if type_ == RequestRefused.TYPE or record.value is None:
            return None
        order = _ORDERS.get(type_ or "")
        if order is not None:
            return self._order(record, record.value, order)
        event = parse(record, BY_NAME[DECISIONS], self.partitions)
        return event if isinstance(event, CallOrder | DecisionCancelled) else None

    def call(self, record: Record) -> CallRecord:
        """Return the call record, or the unknown that an invalid terminal one stands for."""
        event = parse(record, BY_NAME[PROVIDER_CALLS], self.partitions)
        if isinstance(event, Rejection):
            return unknown_of(record, event, self.partitions)
        return event if isinstance(event, CallEvent | ExecutorStarted) else None

    def _order(self, record: Record, value: bytes, order: type[CallOrder]) -> CallOrder | None:
        try:
            made = order.model_validate(orjson.loads(value) | _LEFT_OUT)
        except (ValidationError, orjson.JSONDecodeError, TypeError):
            log.warning("decision_skipped", partition=record.partition, offset=record.offset)
            return None
        return made if partition_for(made.tenant, self.partitions) == record.partition else None
