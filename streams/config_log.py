"""The config topic as a fold: records in log order -> valid documents, the first of each key, and what was refused.

A record that is no valid document changes nothing; only the owner of partition 0 dead-letters it (DESIGN 10).
"""

from collections.abc import Sequence

from pydantic import ValidationError

from routing.catalog import CompiledConfig, compile_config
from schemas.control import ConfigDocument, ConfigPublished
from schemas.control_provider import ProviderDocument
from schemas.dead_letter import RejectionCode
from schemas.inbound import Rejection, decode_strictly, describe
from schemas.record import Record
from streams.config_signature import Trust


class ConfigLog:
    """Documents at a config position; ``compiled`` is rebuilt when they changed."""

    def __init__(self, trust: Trust | None = None) -> None:
        """Start before the first record; ``trust`` says whose documents count, nothing: everybody's."""
        self.next_offset = 0
        self.documents: dict[str, ConfigDocument] = {}
        self.rejected: list[tuple[Record, Rejection]] = []
        self._trust = trust or Trust("")
        self._owners: dict[str, str | None] = {}
        """Endpoint -> the tenant it belongs to, by its first document."""
        self._compiled: CompiledConfig = compile_config({})
        self._stale = False

    @property
    def compiled(self) -> CompiledConfig:
        """The compiled config at ``next_offset``; compiling is a pure function of the documents."""
        if self._stale:
            self._compiled = compile_config(self.documents)
            self._stale = False
        return self._compiled

    def add(self, records: Sequence[Record]) -> None:
        """Fold records in offset order."""
        for record in records:
            self.next_offset = max(self.next_offset, record.offset + 1)
            if record.value is None:
                continue
            outcome = self.read(record)
            if isinstance(outcome, Rejection):
                self.rejected.append((record, outcome))
            elif outcome.key not in self.documents:
                self.documents[outcome.key] = outcome.document
                self._stale = True

    def read(self, record: Record) -> ConfigPublished | Rejection:
        """Return the valid event of a record, or why it counts for nothing; call it in offset order."""
        value = decode_strictly(record.value)
        if isinstance(value, Rejection):
            return value
        try:
            event = ConfigPublished.model_validate(value)
        except ValidationError as error:
            return Rejection(RejectionCode.INVALID, describe(error))
        key = (record.key or b"").decode(errors="replace")
        if key != event.key:
            return Rejection(RejectionCode.INVALID, f"the record's key is not the document's: {event.key}")
        objection = self._trust.objection(record, value, event.document)
        if objection is not None:
            return Rejection(RejectionCode.UNSIGNED, f"{event.key}: {objection}")
        return self._changed_hands(event) or event

    def _changed_hands(self, event: ConfigPublished) -> Rejection | None:
        """Refuse a version of an endpoint that names another owner: nobody's endpoint can be taken over."""
        if not isinstance(event.document, ProviderDocument):
            return None
        owner = self._owners.setdefault(event.name, event.document.tenant)
        if owner == event.document.tenant:
            return None
        whose = "no tenant" if owner is None else f"tenant {owner}"
        return Rejection(RejectionCode.INVALID, f"{event.key}: the endpoint belongs to {whose}, and stays so")
