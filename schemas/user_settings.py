"""A user's settings (SPEC U5): Auto on, off or fixed, what answers show, preferred and avoided models, a profile.

Clients change them by events on ``overrides``; the router validates, keeps and answers them.
"""

# A frozen event may ask for a field that its base leaves optional.
# pyright: reportGeneralTypeIssues=false
from typing import Annotated, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from schemas.control_base import ModelReference
from schemas.control_plan import DisplayLevel
from schemas.envelope import Event, Frozen, Name

Auto = Literal["on", "off", "fixed"]
"""``on``: routing chooses where a request names no model; ``off``: such requests are refused; ``fixed``: one model."""
SettingName = Literal["auto", "model", "display", "preferred_models", "avoided_models", "profile"]
ModelList = Annotated[tuple[ModelReference, ...], Field(max_length=50)]


class UserSettings(Frozen):
    """What one user has set; the defaults are those of a user who never did. Models as ids, pools as written."""

    auto: Auto = "on"
    model: str | None = None
    """The model of Auto ``fixed``."""
    display: DisplayLevel | None = None
    preferred_models: tuple[str, ...] = ()
    avoided_models: tuple[str, ...] = ()
    profile: str | None = None
    """Name of one of the router's capability profiles."""


class SettingsChanged(Event):
    """Change settings of ``user``: fields that are given change, those in ``reset`` go back, the others stay."""

    model_config = ConfigDict(extra="forbid")
    TYPE: ClassVar[str] = "pointsman.settings.changed.v1"
    type: Literal["pointsman.settings.changed.v1"] = "pointsman.settings.changed.v1"
    user: Name
    auto: Auto | None = None
    model: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    display: DisplayLevel | None = None
    preferred_models: ModelList | None = None
    avoided_models: ModelList | None = None
    profile: Name | None = None
    reset: Annotated[tuple[SettingName, ...], Field(max_length=6)] = ()

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        both = [name for name in self.reset if getattr(self, name) is not None]
        if both:
            message = f"a setting is either given or reset, not both: {both}"
            raise ValueError(message)
        if not self.reset and not self.given():
            raise ValueError("name at least one setting")
        return self

    def given(self) -> dict[str, object]:
        """Return the settings that are given."""
        values = {name: getattr(self, name) for name in UserSettings.model_fields}
        return {name: value for name, value in values.items() if value is not None}


class SettingsAnswered(Event):
    """Base of the router's answers, on ``outcomes.technical``; ``change_id`` is the id of the change."""

    change_id: str
    reason: str


class SettingsApplied(SettingsAnswered):
    """The settings hold from now on; ``settings`` are all of the user's."""

    TYPE: ClassVar[str] = "pointsman.settings.applied.v1"
    type: Literal["pointsman.settings.applied.v1"] = "pointsman.settings.applied.v1"
    settings: UserSettings


class SettingsRejected(SettingsAnswered):
    """Nothing changed: a model or profile that the configuration does not know, or Auto fixed to none."""

    TYPE: ClassVar[str] = "pointsman.settings.rejected.v1"
    type: Literal["pointsman.settings.rejected.v1"] = "pointsman.settings.rejected.v1"
