"""Breakers of executors as decisions see them."""

from routing.breaker import State
from routing.desk_batch import GlobalReading
from routing.health_view import worst_health
from schemas.envelope import at_ms
from schemas.provider_call import ProviderHealth
from tests.desk_world import DeskWorld, FixedGlobals
from tests.documents import tenant


def row(provider: str, model: str, state: State, instance: str = "executor-0") -> ProviderHealth:
    return ProviderHealth(
        provider=provider,
        model=model,
        instance=instance,
        version=1,
        state=state,
        updated_at=at_ms(0),
    )


def test_the_worst_executor_counts() -> None:
    """One executor's open breaker outweighs another's closed or half-open one; good health is not listed."""
    rows = [row("p", "m", "closed"), row("p", "m", "open", "b"), row("p", "n", "half_open"), row("q", "m", "closed")]
    assert worst_health(rows) == {"p|m": "open", "p|n": "degraded"}


def test_a_decision_avoids_what_an_open_breaker_bars() -> None:
    """With its provider's breaker open a model is not chosen there, and the veto or endpoint says so (R9)."""
    first = DeskWorld("acme", tenant("acme"))
    first.ask("r1")
    first.run()
    plan = first.decisions()[0]["chain"][0]

    class Open(FixedGlobals):
        def read(self, *_: object) -> GlobalReading:
            return GlobalReading(health=worst_health([row(plan["provider"], plan["provider_model"], "open")]))

    second = DeskWorld("acme", tenant("acme"))
    second.globals = Open(second.globals.config, 1)
    second.ask("r1")
    second.run()
    decision = second.decisions()[0]
    assert (decision["chain"][0]["provider"], decision["chain"][0]["model"]) != (plan["provider"], plan["model"])
    assert decision["view"]["health"] == {f"{plan['provider']}|{plan['provider_model']}": "open"}
