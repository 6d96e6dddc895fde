"""N6: how often simulated people override, when another model's true worth to them is more than they put up with.

A person sees the gain of the best other model, in points of true worth, with a normal error; where it passes the
person's threshold, that model is asked for instead. A person's taste is a fixed normal number of points for each model,
so that there is something personal to learn; without tastes everybody wants what the truth says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import NormalDist
from typing import Final

import numpy as np

from analytics.evaluation.intervals import Estimate, FloatArray
from routing.decide import decide
from routing.draws import draw
from schemas.decision import AttemptPlan, Choice, View
from schemas.outcome import OutcomeRated
from schemas.override import OverrideRequested
from schemas.provider_call import CallFinished
from tests.success.estimates import mean_of
from tests.success.habits import Habits, override
from tests.success.population import Prompt, weights
from tests.success.size import Size
from tests.success.stream import RATED, Experience, Step, Stream, call, events_of
from tests.success.truth import Scale, scale
from tests.success.world import NOW, Case, Router, cases

NOISE: Final = 2.0
"""Standard deviation of the error in the gain that a person sees, points."""
SPAN: Final = timedelta(weeks=8)
"""Time over which the requests come."""
_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class People:
    """How the simulated people are: what they put up with, and how much their tastes differ; points of worth."""

    threshold: float
    taste: float = 0.0


@dataclass(frozen=True, slots=True)
class Overrides:
    """The rate at which people overrode in the second half of the requests."""

    router: str
    people: People
    learning: bool
    rate: Estimate
    single: float | None
    """The rate if the best single model, chosen with the truth, answered everything; None where tastes differ."""


class _Office:
    """One router, its people, and what was learned of both."""

    def __init__(self, router: Router, true: Scale, plain: Sequence[Case], people: People) -> None:
        self.router = router
        self.true = true
        self.people = people
        self.experience = Experience()
        self.habits = Habits(router.name, router.policy.settings.preferences)
        self._row = {id(case): at for at, case in enumerate(plain)}

    def decide(self, case: Case, user: str, number: int, now: datetime) -> Choice:
        """Return the router's choice for a user's request."""
        statistics = self.experience.views.get(case.task.type, {})
        view = View(statistics=statistics, preference=self.habits.view(user, now))
        made = decide(case.facts, case.task, view, self.router.policy, NOW, draw("exploration", number))
        if not isinstance(made, Choice):
            raise TypeError(made.reason)
        return made

    def wish(self, case: Case, user: str, number: int, chosen: str) -> str | None:
        """Return the model that the user asks for instead, or None."""
        worth = self.true.worth[self._row[id(case)]] * 100 + self._tastes(user)
        at = self.true.models.index(chosen)
        best = int(np.nanargmax(worth))
        gain = float(worth[best] - worth[at]) + NOISE * _normal("sight", number)
        return self.true.models[best] if best != at and gain > self.people.threshold else None

    def _tastes(self, user: str) -> FloatArray:
        if not self.people.taste:
            return np.zeros(len(self.true.models))
        return np.array([self.people.taste * _normal("taste", user, model) for model in self.true.models])

    def learn(self, step: Step, user: str, wished: str | None) -> None:
        """Fold what the log would hold: an override, the call, a rating."""
        commands: list[OverrideRequested] = []
        chain = step.choice.chain
        if wished is not None:
            commands.append(override(step, user, wished))
            plan = self._plan(wished, chain[0])
            choice = step.choice.model_copy(update={"chain": (plan,), "model": wished, "forced_by": "override:request"})
            step = step._replace(choice=choice, plan=call(step.case, plan, f"r{step.number}", 0))
        events = events_of(step, rated=draw("rated", step.number) < RATED)
        self.experience.fold(*events)
        personal = [event for event in events if isinstance(event, CallFinished | OutcomeRated)]
        self.habits.fold(user, step.at, *commands, *personal)

    def _plan(self, model: str, instead_of: AttemptPlan) -> AttemptPlan:
        served = self.router.policy.models[model].served_by[0]
        named = {"model": model, "provider": served.provider, "provider_model": served.provider_model}
        return instead_of.model_copy(update=named)


def _normal(*parts: str | int) -> float:
    return _NORMAL.inv_cdf(min(max(draw(*parts), 1e-12), 1 - 1e-12))


def measure(router: Router, prompts: Sequence[Prompt], people: People, size: Size, *, learning: bool) -> Overrides:
    """Return the override rate of people of a kind; without ``learning`` nothing is folded."""
    plain = cases(router, prompts)
    office = _Office(router, scale(router, plain), plain, people)
    stream = Stream(plain, 0)
    wished = np.zeros((2, size.users))
    for number in range(size.override_requests):
        user_number = int(draw("user", number) * size.users)
        user, case = f"u{user_number}", stream.at(number)
        now = NOW - SPAN * (1 - number / size.override_requests)
        choice = office.decide(case, user, number, now)
        wish = office.wish(case, user, number, choice.model)
        if learning:
            plan = call(case, choice.chain[0], f"r{number}", 0)
            office.learn(Step(number, case, choice, plan, now), user, wish)
        if number >= size.override_requests // 2:
            wished[:, user_number] += (float(wish is not None), 1.0)
    asked = np.maximum(wished[1], 1.0)
    single = _of_single(office.true, weights(prompts), people.threshold) if not people.taste else None
    return Overrides(router.name, people, learning, mean_of(wished[0] / asked), single)


def _of_single(true: Scale, heavy: FloatArray, threshold: float) -> float:
    """Return the chance that the gain seen passes the threshold, where one model answers everything."""
    mean = (np.where(np.isnan(true.worth), -np.inf, true.worth) * heavy[:, None]).sum(axis=0)
    gains = true.regret()[:, int(mean.argmax())]
    chances = [_NORMAL.cdf((gain - threshold) / NOISE) if gain > 0 else 0.0 for gain in gains]
    return float(heavy @ np.array(chances))
