"""Values of the feedback tables: the public rows, and what makes folding into them exact (DESIGN 9)."""

from pydantic import AwareDatetime, Field

from schemas.envelope import Frozen
from schemas.statistics import Counts, ModelStatisticsRow, PreferenceRow


class OpenConversation(Frozen):
    """One user's running conversation with one model: answers so far, and the last of them."""

    conversation_id: str
    model: str
    task_type: str
    space: str | None = None
    answers: int
    request_id: str
    decision_id: str
    last_at: AwareDatetime


class Fenced(Frozen):
    """What a table value remembers of its inputs: an event is folded once, however often it is delivered."""

    fence: dict[str, int] = Field(default_factory=dict)
    """Source topic -> last offset folded into this value; the partition is the value's own."""
    recent: tuple[str, ...] = ()
    """The last identities folded, oldest first: the same event written twice has two offsets but one identity."""


class Share(Frozen):
    """What a user's row added to one model's week in the row of a space or organisation; amounts may be negative."""

    model: str
    week: int
    amounts: Counts


class Outbox(Frozen):
    """What the row of ``space`` (empty: the organisation) gains by a batch, until that row is known to have it."""

    space: str
    first: int
    """Offset of the batch's first event with something for that row: its fence is at or beyond it once it has all."""
    shares: tuple[Share, ...]


class PreferenceState(PreferenceRow, Fenced):
    """Table value of ``preferences``; all but the fence is empty in rows of spaces and organisations."""

    open: tuple[OpenConversation, ...] = ()
    """Conversations that may go on; bounded."""
    outbox: dict[str, tuple[Outbox, ...]] = Field(default_factory=dict)
    """Source topic -> what the last batch of it meant for other rows, which are written after this one."""
    resets: dict[str, AwareDatetime] = Field(default_factory=dict)
    """Model (empty: all) -> time of the last reset: what happened until then does not count when it is read later."""
    rated_before: dict[str, int] = Field(default_factory=dict)
    """Model -> ratings that a reset took from the counts: a reset gives nobody more say in the shared statistics."""


class StatisticsState(ModelStatisticsRow, Fenced):
    """Table value ``partition|model|task_type``, as it lies on ``model-stats``."""
