"""How routers decide on probes of others, and where that is not what the probe's label wants."""

from collections.abc import Sequence
from dataclasses import dataclass

from routing.decide import decide
from schemas.decision import Choice, View
from tests.success.match import Need, unmet
from tests.success.population import Prompt
from tests.success.probe_file import Probe
from tests.success.world import NOW, Router, case


@dataclass(frozen=True, slots=True)
class Decided:
    """What one router made of one probe; a refusal has no model."""

    router: str
    type: str
    complexity: str
    confidence: float
    model: str | None
    lane: str | None
    """Tier of cost of the model."""
    wrong_type: bool
    wrong_lane: bool
    unmet: tuple[str, ...]
    """Needs of the label that the model does not meet."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A probe with what every router made of it, in the order of the routers."""

    probe: Probe
    decided: tuple[Decided, ...]

    def by(self, router: str) -> Decided:
        """Return what one router made of it."""
        return next(each for each in self.decided if each.router == router)

    def unable(self) -> tuple[Decided, ...]:
        """Return the decisions for a model that does not meet the needs of the label."""
        return tuple(each for each in self.decided if each.unmet)


def measure(routers: Sequence[Router], probes: Sequence[Probe]) -> list[Judged]:
    """Return what the routers decide, cold and without a budget."""
    return [Judged(probe, tuple(_decided(router, probe) for router in routers)) for probe in probes]


def _decided(router: Router, probe: Probe) -> Decided:
    met = case(router, Prompt(probe.text, "", "", "", ""))
    made = decide(met.facts, met.task, View(), router.policy, NOW)
    model = made.model if isinstance(made, Choice) else None
    lane = None if model is None else str(router.policy.models[model].cost_tier)
    return Decided(
        router=router.name,
        type=met.task.type.value,
        complexity=str(met.task.complexity),
        confidence=met.task.confidence,
        model=model,
        lane=lane,
        wrong_type=bool(probe.types) and met.task.type.value not in probe.types,
        wrong_lane=bool(probe.lanes) and lane not in probe.lanes,
        unmet=_unmet(router, probe, model),
    )


def _unmet(router: Router, probe: Probe, model: str | None) -> tuple[str, ...]:
    if model is None:
        return ("refused",)
    if not probe.types:
        return ()
    return tuple(unmet(router.policy.models[model], Need(probe.types, probe.complexity)))
