"""How the prompt of one attempt is changed for its model (SPEC R14)."""

from typing import Final, Literal

from schemas.envelope import Frozen

Effort = Literal["minimal", "low", "medium", "high"]
Place = Literal["system", "user"]
MOST_STOPS: Final = 4
"""Of one call, with those of the request."""


class AppliedAdaptation(Frozen):
    """The adaptation of one attempt, as a decision records it: the executor applies exactly this."""

    source: str
    """``policy/name@version`` of the document that states it."""
    instructions: str = ""
    place: Place = "system"
    stop: tuple[str, ...] = ()
    effort: Effort | None = None
    thinking_tokens: int | None = None
    """Of the attempt's ``max_output_tokens``, so that the hold covers them; None: as the model is used to."""
    added_tokens: int = 0
    """Estimated tokens of the instructions; the bound of the attempt counts their bytes."""
