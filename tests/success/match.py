"""N3: whether the chosen model meets every need of a labelled prompt, judged from catalog and truth, not by vetoes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from analytics.evaluation.intervals import Estimate
from routing.decide import decide
from routing.models import ModelEntry
from schemas.control_policy import Scoring
from schemas.decision import Choice, View
from schemas.request import Attachment, JobType
from tests.success.estimates import Sampler, mean_of
from tests.success.population import Prompt, weights
from tests.success.probe_file import typed
from tests.success.world import NOW, Case, Router, behaviours, case

REQUIRED: Final[Mapping[str, float]] = {str(kind): float(need) for kind, need in Scoring().required.items()}
"""Ability that suffices at a complexity: what the default router's score asks for. One yardstick for all routers."""
_PICTURE: Final = Attachment(kind="image", reference="p", media_type="image/png", length=200_000)
_TOOLS: Final = ("search_orders", "send_mail")


def _document(tokens: int) -> Attachment:
    return Attachment(kind="document", reference="d", media_type="text/plain", length=4 * tokens, tokens=tokens)


WITH: Final[Mapping[str, Mapping[str, Any]]] = {
    "the prompt alone": {},
    "with a picture": {"attachments": (_PICTURE,)},
    "with tools": {"tools": _TOOLS},
    "with a document of 150,000 tokens": {"attachments": (_document(150_000),)},
    "with a document of 600,000 tokens": {"attachments": (_document(600_000),)},
}
"""What is planted beside the labelled text, as fields of the request."""
ABILITY: Final = "ability"


@dataclass(frozen=True, slots=True)
class Need:
    """What a request needs, said by whoever planted it."""

    types: tuple[str, ...]
    """True type, or the types that a weak label leaves open: being able for one of them is enough."""
    complexity: str
    modality: str = "text"
    job: str | None = None
    vision: bool = False
    tools: bool = False
    tokens: int = 0


def need_of(prompt: Prompt, fields: Mapping[str, Any]) -> Need:
    """Return the needs of a labelled prompt with planted fields."""
    parts: Sequence[Attachment] = fields.get("attachments", ())
    return Need(
        types=(prompt.type,),
        complexity=prompt.complexity,
        vision=any(part.kind == "image" for part in parts),
        tools="tools" in fields,
        tokens=len(prompt.text.encode()) // 4 + sum(part.tokens or 0 for part in parts),
    )


def unmet(entry: ModelEntry, need: Need) -> list[str]:
    """Return which needs a model does not meet."""
    checks = {
        "modality": need.modality in entry.modalities,
        "job": need.job is None or not entry.jobs or need.job in entry.jobs,
        "vision": entry.vision or not need.vision,
        "tools": entry.tools or not need.tools,
        "context window": need.tokens <= entry.context_window,
        ABILITY: need.modality != "text" or planted(entry, need) >= REQUIRED[need.complexity],
    }
    return [name for name, holds in checks.items() if not holds]


def planted(entry: ModelEntry, need: Need) -> float:
    """Return the planted share of good answers, in percent, for the type the model is best at of those asked for."""
    behaviour = behaviours().of(entry.served_by[0].provider_model)
    return max(behaviour.quality_for(kind) for kind in need.types)


def failing(router: Router, case: Case, need: Need) -> list[str]:
    """Return which needs the chosen model does not meet; a refusal meets none."""
    made = decide(case.facts, case.task, View(), router.policy, NOW)
    if not isinstance(made, Choice):
        return ["refused"]
    return unmet(router.policy.models[made.model], need)


@dataclass(frozen=True, slots=True)
class Match:
    """How often the needs were met, all of them and without ability; which were not; and where no model is able."""

    what: str
    whole: Estimate
    without_ability: Estimate
    missing: Mapping[str, int]
    impossible: int
    count: int


def labelled(router: Router, prompts: Sequence[Prompt], what: str) -> Match:
    """Return the match over labelled prompts with what is planted beside them."""
    fields = WITH[what]
    pairs = [(case(router, prompt, **fields), need_of(prompt, fields)) for prompt in prompts]
    return _matched(router, what, pairs, Sampler(weights(prompts)))


def jobs(router: Router) -> Match:
    """Return the match over one request of every type of job: modality and job must fit."""
    pairs: list[tuple[Case, Need]] = []
    prompt = Prompt("Please do this.", "general", "medium", "en", "formal")
    for job in JobType:
        route = router.policy.taxonomy.route(None, job)
        kind = "general" if route.type is None else route.type.value
        need = Need((kind,), "simple", modality=route.modality, job=job.value if route.modality != "text" else None)
        pairs.append((case(router, prompt, job_type=job), need))
    return _matched(router, "every type of job", pairs, None)


def probes(router: Router, path: Path) -> Match:
    """Return the match over probes of others whose routing intent means types of work; medium complexity is taken."""
    pairs = [
        (case(router, Prompt(probe.text, probe.types[0], "medium", "", "")), Need(probe.types, "medium"))
        for probe in typed(path)
    ]
    return _matched(router, "probes", pairs, None)


def _matched(router: Router, what: str, pairs: Sequence[tuple[Case, Need]], sampler: Sampler | None) -> Match:
    found = [failing(router, each, need) for each, need in pairs]
    whole = np.array([float(not missing) for missing in found])
    others = np.array([float(set(missing) <= {ABILITY}) for missing in found])
    lanes = [entry for entry in router.policy.models.values() if router.policy.competes(entry.id, "text")]
    return Match(
        what=what,
        whole=sampler.mean(whole) if sampler is not None else mean_of(whole),
        without_ability=sampler.mean(others) if sampler is not None else mean_of(others),
        missing=Counter(name for missing in found for name in missing),
        impossible=sum(need.modality == "text" and all(unmet(entry, need) for entry in lanes) for _, need in pairs),
        count=len(pairs),
    )
