"""How a prompt is changed for one model (SPEC R14): part of a router document.

What a model's wire format takes or refuses (name of the output limit, role of instructions, sampling) stands with its
endpoint, in ``providers.endpoint.ModelProfile``; here stands what makes its answers better.
"""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.adaptation import MOST_STOPS, Effort, Place
from schemas.control_base import Strict
from schemas.control_steering import Complexity

ThinkingTokens = Annotated[int, Field(ge=1, le=1_000_000)]
Stop = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Adaptation(Strict):
    """What is added to every prompt for a model."""

    instructions: Annotated[str, StringConstraints(max_length=2000)] = ""
    """Put before the request's own instructions."""
    place: Place = "system"
    """``user``: all instructions, the request's too, stand in the first message of the user; for models without a role
    for them."""
    stop: Annotated[tuple[Stop, ...], Field(max_length=MOST_STOPS)] = ()
    """After the request's own, as far as four in all allow."""
    effort: dict[Complexity, Effort] = {}
    """How long the model shall reason, by complexity; billed as output, so within the bound of the answer."""
    thinking: dict[Complexity, ThinkingTokens] = {}
    """Tokens that a thinking model may think where the task asks for extended thinking; of the answer's, as above."""

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not (self.instructions or self.stop or self.effort or self.thinking) and self.place == "system":
            raise ValueError("an adaptation changes something")
        return self
