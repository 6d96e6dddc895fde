"""People's control: override commands of clients, and the router's answer to each (SPEC U1)."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import ConfigDict, StringConstraints, model_validator

from schemas.decision import View
from schemas.envelope import Event, Name

Scope = Literal["request", "conversation", "area", "space", "always"]


class OverrideRequested(Event):
    """Use ``model`` for this request / conversation / area / space / always (this user); ``model`` "auto" lifts it."""

    model_config = ConfigDict(extra="forbid")
    TYPE: ClassVar[str] = "pointsman.override.requested.v1"
    type: Literal["pointsman.override.requested.v1"] = "pointsman.override.requested.v1"
    scope: Scope
    model: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    request_id: Name | None = None
    user: Name | None = None
    conversation_id: Name | None = None
    space: Name | None = None
    area: Name | None = None
    decision_id: Name | None = None
    from_model: str | None = None
    task_type: str | None = None
    reason: Annotated[str, StringConstraints(max_length=500)] | None = None

    @model_validator(mode="after")
    def _names_its_target(self) -> Self:
        target = {
            "request": self.request_id,
            "conversation": self.conversation_id,
            "area": self.area,
            "space": self.space,
            "always": self.user,
        }[self.scope]
        if target is None:
            message = f"an override of scope {self.scope} names its target"
            raise ValueError(message)
        return self


class OverrideAnswered(Event):
    """Base of the router's answers, on ``outcomes.technical``."""

    override_id: str
    scope: Scope
    model: str
    reason: str


class OverrideApplied(OverrideAnswered):
    """The override holds from now on; for a request, ``decision_id`` is the decision that replaces the earlier one."""

    TYPE: ClassVar[str] = "pointsman.override.applied.v1"
    type: Literal["pointsman.override.applied.v1"] = "pointsman.override.applied.v1"
    decision_id: str | None = None


class OverrideTooLate(OverrideAnswered):
    """The request had its final result already."""

    TYPE: ClassVar[str] = "pointsman.override.too_late.v1"
    type: Literal["pointsman.override.too_late.v1"] = "pointsman.override.too_late.v1"


class OverrideRejected(OverrideAnswered):
    """The override cannot be followed: unknown request or model, policy, budget; ``view`` is what the refusal read."""

    TYPE: ClassVar[str] = "pointsman.override.rejected.v1"
    type: Literal["pointsman.override.rejected.v1"] = "pointsman.override.rejected.v1"
    view: View | None = None
