"""Values of the feedback tables: the public rows, and what makes folding into them exact (DESIGN 9)."""

from pydantic import AwareDatetime, Field

from schemas.envelope import Frozen
from schemas.statistics import ModelStatisticsRow, PreferenceRow


class OpenConversation(Frozen):
    """One user's running conversation with one model: answers so far, and the last of them."""

    conversation_id: str
    model: str
    task_type: str
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


class PreferenceState(PreferenceRow, Fenced):
    """Table value ``tenant|user``, as it lies on ``preferences``."""

    open: tuple[OpenConversation, ...] = ()
    """Conversations that may go on; bounded."""


class StatisticsState(ModelStatisticsRow, Fenced):
    """Table value ``partition|model|task_type``, as it lies on ``model-stats``."""
