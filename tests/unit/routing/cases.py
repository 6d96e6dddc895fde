"""Random cases of one tenant over a small pool: documents, requests and views that bar, lock, boost and force."""

from datetime import timedelta
from functools import cache
from typing import Any

from hypothesis import strategies as st

from routing.catalog import CompiledConfig
from routing.counterfactual import Case
from schemas.control_plan import PlanCaps, PlanDocument
from schemas.control_policy import PolicyDocument
from schemas.control_tenant import Area, Budget, Space, TenantDocument
from schemas.decision import CachedChoice, OverrideView, PreferenceView, StatisticsView, View
from schemas.money import PICO
from schemas.request import Constraints, RequestReceived, SpaceType
from schemas.user_settings import UserSettings
from tests.brain import NOW, case, day, month, request, with_documents

POOL = ["gpt-4.1", "gpt-4.1-mini", "claude-opus-4.5", "claude-haiku-4.5", "o3", "sonar-pro"]
OTHERS = ["gpt-4o", "gpt-3.5-turbo"]
MODELS = [*POOL, *OTHERS]
PROMPTS = ["hello", "Fix the crash in the importer", "Design a scalable architecture", "the blue one"]

_FAST = {"capability": 0.2, "cost": 0.25, "quality": 0.1, "latency": 0.4, "history": 0.05}
_names = st.lists(st.sampled_from([*MODELS, "openai/*", "claude-*"]), max_size=3, unique=True).map(tuple)
_model = st.sampled_from(MODELS)
_maybe_model = st.one_of(st.none(), _model)


def rule(name: str, effect: str, models: tuple[str, ...], **fields: Any) -> dict[str, Any]:
    """Return a rule of the space layer."""
    return {
        "name": name,
        "layer": "space",
        "when": {"space_type": ["coding"]},
        "effect": effect,
        "models": models,
        "because": f"rule {name} says so",
        **fields,
    }


_rules = st.lists(
    st.builds(
        rule,
        name=st.just("r"),
        effect=st.sampled_from(["lock", "restrict", "boost"]),
        models=st.lists(_model, min_size=1, max_size=3, unique=True).map(tuple),
        layer=st.sampled_from(["area", "planning", "space", "signal"]),
        when=st.sampled_from(
            [{"space_type": ["coding"]}, {"planning": True}, {"sensitive": [True]}, {"min_tokens": 3}]
        ),
        otherwise=st.sampled_from(["score", "deny"]),
        boost=st.sampled_from([-0.1, 0.05, 0.2]),
    ).map(lambda made: made | {"when": {"sensitive": True} if made["when"] == {"sensitive": [True]} else made["when"]}),
    max_size=4,
).map(lambda made: [item | {"name": f"r{index}"} for index, item in enumerate(made)])

_tenants = st.fixed_dictionaries(
    {},
    optional={
        "approved_models": _names,
        "avoid_models": _names,
        "sensitive_models": _names,
        "preferred_models": _names,
        "max_interactive_latency_ms": st.sampled_from([1500, 6000]),
        "default_model": _model,
        "budget": st.builds(Budget, per_request=st.sampled_from([0.002, 0.02]), daily=st.just(1), monthly=st.just(20)),
        "spaces": st.builds(
            lambda lock, prefer, avoid: {
                "s": Space(type=SpaceType.CODING, avoid=avoid, areas={"a": Area(lock=lock, prefer=prefer)})
            },
            _maybe_model,
            _names,
            _names,
        ),
        "dimensions": st.sampled_from(
            [
                {"home": {"values": {"openai": 1, "o3": 0.2}, "weight": 0.3}},
                {"home": {"values": {"openai": 1, "o3": 0.2}, "veto_below": 0.5}},
            ]
        ),
        "routes": _rules.map(lambda made: [item | {"name": f"own-{item['name']}"} for item in made]),
        "plan": st.just("narrow"),
    },
)
_policies = st.fixed_dictionaries(
    {},
    optional={
        "lifecycle": st.sampled_from([("active", "preview"), ("active", "preview", "deprecated", "retired")]),
        "min_quality": st.sampled_from([{"human_in_loop": 70}, {"automated": 80}]),
        "exploration": st.just({"share": 0.3, "within": 0.5, "sharpness": 1}),
        "cascade": st.just({"start_quality": 0.3, "cost_share": 1, "complexity": ["simple", "medium", "complex"]}),
        "shares": st.just({"targets": {"gpt-4.1": 0.9, "o3": 0.1}, "control": 1}),
        "profiles": st.just({"fast": {"weights": _FAST, "abilities": {"creative": 1}}}),
        "rules": _rules,
    },
)
_requests = st.fixed_dictionaries(
    {"prompt": st.sampled_from(PROMPTS)},
    optional={
        "space": st.just("s"),
        "area": st.just("a"),
        "planning": st.booleans(),
        "sensitive": st.booleans(),
        "automation": st.sampled_from(["human_in_loop", "automated"]),
        "model": st.sampled_from([*MODELS, "openai/*", "auto:floor", "nonsense"]),
        "tools": st.just(("lookup",)),
        "max_output_tokens": st.sampled_from([200, 4000]),
        "constraints": st.builds(
            Constraints,
            max_cost=st.sampled_from([None, 0.0005, 0.01]),
            min_quality=st.sampled_from([None, 60, 85]),
            max_latency_ms=st.sampled_from([None, 1000, 5000]),
            deadline=st.sampled_from([None, NOW - timedelta(seconds=1), NOW + timedelta(seconds=3)]),
        ),
    },
)
_views = st.fixed_dictionaries(
    {},
    optional={
        "windows": st.sampled_from([(day(1, 0.5),), (day(1, 0.999), month(20, 19.9999)), (day(1, 0, 1), month(20, 1))]),
        "per_request_cap": st.sampled_from([PICO // 500, PICO // 50]),
        "preference": st.dictionaries(_model, st.sampled_from([0.0, 0.9]), min_size=1, max_size=2).map(
            lambda scores: PreferenceView(version=1, scores=scores)
        ),
        "statistics": st.dictionaries(
            _model,
            st.just(StatisticsView(calls=40, success_rate=0.5, rating=0.2, ratings=20, latency_p50_ms=3000.0)),
            max_size=2,
        ),
        "health": st.sampled_from([{"openai": "open"}, {"anthropic": "open", "openai": "degraded"}]),
        "conversation_model": _model,
        "override": st.builds(
            OverrideView, scope=st.sampled_from(["always", "area"]), model=_model, override_id=st.just("o-1")
        ),
        "settings": st.builds(
            UserSettings,
            auto=st.sampled_from(["on", "on", "off", "fixed"]),
            model=_model,
            preferred_models=_names,
            avoided_models=_names,
            profile=st.sampled_from([None, "fast"]),
        ),
        "shares": st.just({"gpt-4.1": 0.1, "o3": 0.9}),
        "cached": st.builds(
            CachedChoice, models=st.tuples(_model, _model), tier=st.just(2), codes=st.just(("best_score",))
        ),
        "above_quality": st.sampled_from([0.5, 0.75]),
        "excluded": st.lists(_model, max_size=2).map(tuple),
    },
)


@cache
def _base() -> CompiledConfig:
    policy = PolicyDocument(kind="policy", name="own", pool=tuple(POOL))
    caps = PlanCaps.model_validate({"per_request": "0.01"})
    plan = PlanDocument(name="narrow", pool=("gpt-4.1", "gpt-4.1-mini", "o3"), budget=caps)
    return with_documents(policy, plan, TenantDocument(kind="tenant", name="t", policy="own"))


def made(
    tenant: dict[str, Any], policy: dict[str, Any], asked: dict[str, Any], view: dict[str, Any], number: float = 0.0
) -> Case:
    """Return the case of these fields of tenant, router, request and view."""
    config = _base().replaced(PolicyDocument(kind="policy", name="own", **{"pool": tuple(POOL), **policy}))
    config = config.replaced(TenantDocument(kind="tenant", name="t", policy="own", **tenant))
    event: RequestReceived = request(**asked)
    return case(config, event, View(**view), number=number)


def cases() -> st.SearchStrategy[Case]:
    """Return cases at random."""
    return st.builds(made, _tenants, _policies, _requests, _views, st.sampled_from([0.0, 0.9]))
