"""People's control over what was learned about them (SPEC R7, U2)."""

# A frozen event may ask for a field that its base leaves optional.
# pyright: reportGeneralTypeIssues=false
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, StringConstraints

from schemas.envelope import Event, Name


class PreferenceReset(Event):
    """Forget what ``user``'s behaviour said about ``model`` (None: about all); published to ``outcomes`` by clients.

    It holds in every row where the user counted. What happened before ``occurred_at`` and is read later does not count.
    """

    model_config = ConfigDict(extra="forbid")
    TYPE: ClassVar[str] = "pointsman.preference.reset.v1"
    type: Literal["pointsman.preference.reset.v1"] = "pointsman.preference.reset.v1"
    user: Name
    model: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
