"""What the demo plays: prompts from `prompts/*.yaml`, long texts, and the events beside them, as typed values."""

import random
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

FOLDER = Path(__file__).parent


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Outage(_Strict):
    """A provider outage: which models of the simulated server, what happens, and between which requests."""

    model: str
    mode: Literal["down", "overloaded", "rate_limited", "error", "reset", "hang", "slow"]
    begin: Annotated[int, Field(alias="from")]
    until: int


class Series(_Strict):
    """Prompts of the learning person: the first after ``at`` requests, then one every ``every``."""

    at: int
    every: int
    prompts: tuple[str, ...]


class Learning(_Strict):
    """A person who overrides Auto in conversations, and the requests that show what was learned."""

    fields: Annotated[dict[str, Any], Field(alias="with")]
    wish: str
    follow_up: str
    """What the person asks next in the same conversation, of the other model."""
    before: Series
    after: Series


class StandingOverride(_Strict):
    """An override that a person publishes before request ``at``."""

    at: int
    fields: Annotated[dict[str, Any], Field(alias="with")]


class Ratings(_Strict):
    """Share of answers that people rate."""

    share: Annotated[float, Field(ge=0, le=1)]


class Real(_Strict):
    """Limits of the demo with real providers."""

    tenants: tuple[str, ...]
    """Their budgets bound what is spent."""
    requests: int
    max_output_tokens: int


class Script(_Strict):
    """The whole play."""

    seed: int
    pace_per_s: float
    in_flight: int
    outage: Outage
    ratings: Ratings
    baseline: str
    """The one premium model that savings are told against."""
    overrides: tuple[StandingOverride, ...]
    learning: Learning
    real: Real

    @cached_property
    def requests(self) -> tuple[dict[str, Any], ...]:
        """All requests in the order of the play, as fields of `RequestReceived`."""
        everyday = list(_requests())
        random.Random(self.seed).shuffle(everyday)  # noqa: S311 - an order, no secret
        for number, fields in self._learning():
            everyday.insert(min(number, len(everyday)), fields)
        return tuple(everyday)

    def _learning(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for series, wish in ((self.learning.before, True), (self.learning.after, False)):
            for index, prompt in enumerate(series.prompts):
                conversation = f"captions-{'before' if wish else 'after'}-{index + 1}"
                fields = {**self.learning.fields, "prompt": prompt, "conversation_id": conversation}
                yield series.at + index * series.every, fields

    def wishes_another_model(self, fields: dict[str, Any]) -> bool:
        """Whether the learning person overrides Auto once this request is decided."""
        return (
            str(fields.get("conversation_id", "")).startswith("captions-before-")
            and fields["prompt"] != self.learning.follow_up
        )


def load() -> Script:
    """Return the script that comes with pointsman."""
    return Script.model_validate(yaml.safe_load((FOLDER / "script.yaml").read_text(encoding="utf-8")))


def _requests() -> Iterator[dict[str, Any]]:
    texts: dict[str, str] = yaml.safe_load((FOLDER / "texts.yaml").read_text(encoding="utf-8"))
    for path in sorted((FOLDER / "prompts").glob("*.yaml")):
        for group in yaml.safe_load(path.read_text(encoding="utf-8")):
            users = group["users"]
            for number, item in enumerate(group["prompts"]):
                fields: dict[str, Any] = {"user": users[number % len(users)], **group["with"]}
                fields |= {"prompt": item} if isinstance(item, str) else item
                if "attachments" in fields:
                    fields["execute"] = False  # the files do not exist: the decision is shown, nothing is called
                document, times = fields.pop("document", None), fields.pop("times", 1)
                if document is not None:
                    fields["prompt"] = "\n\n".join([fields["prompt"], *[texts[document]] * times])
                yield {**fields, "use_case": path.stem}
