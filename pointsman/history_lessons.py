"""What of a history can teach: decisions nobody forced, whose text is not sensitive and whose answer was judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pointsman.history import History
from routing.logged_decisions import believed, logged_of
from routing.off_policy import Logged
from routing.past_decisions import rewarded
from routing.quality_training import data_hash
from routing.rescore_table import Floats
from routing.tenant_policy import TenantPolicy


@dataclass(frozen=True, eq=False)
class Lessons:
    """Rewarded decisions as columns, what the router believes of their models now, and what was left out why."""

    logged: Logged
    believed: Floats
    counts: Mapping[str, int]
    weights: Mapping[str, float]
    """Of the signals of the reward."""

    def facts(self, used: Logged) -> dict[str, Any]:
        """Return what is kept with an artefact that was learned from the decisions ``used``."""
        numbers: Floats = np.column_stack([used.chosen.astype(np.float64), used.rewards, used.propensities])
        return {
            "learned_from": "history",
            "data_sha256": data_hash(used.texts, numbers, used.models),
            "counts": dict(self.counts),
            "reward_weights": dict(self.weights),
        }


def lessons_of(history: History, policy: TenantPolicy) -> Lessons:
    """Return what the history teaches a tenant whose decisions ``policy`` makes now."""
    signals = policy.settings.preferences.signals
    open_ones = [past for past in history.decisions if not past.sensitive]
    known = rewarded(open_ones, signals)
    logged = logged_of(known)
    counts = {
        "decisions": len(history.decisions),
        "text_gone": history.without_text,
        "sensitive": len(history.decisions) - len(open_ones),
        "forced_by_people": sum(not past.free for past in open_ones),
        "rewarded": len(known),
    }
    return Lessons(logged, believed(logged, policy), counts, signals.model_dump())
