"""How a router reads what people's behaviour says about models (SPEC R7): part of a policy document.

The rows of ``preferences`` hold counts alone, by week; everything here is applied when a decision reads them, so a
change holds from the next decision on and history can be scored again under it. Formulas: ``routing/preferences.py``
(``decayed``), ``routing/preferences_s2.py`` (``s2``); explanation: ``docs/explanation/preferences.md``.
"""

from typing import Annotated, Literal

from pydantic import Field

from schemas.control_base import Share, Strict
from schemas.statistics import PreferenceLevel

Weight = Annotated[float, Field(ge=0, le=1)]
SignedWeight = Annotated[float, Field(ge=-1, le=1)]


class SignalWeights(Strict):
    """How many observations one signal counts as, 0 to 1; 0 leaves it out.

    Judgements, not measurements: none of these signals was compared with the true quality of answers.
    """

    override: Weight = 1.0
    """A model chosen by hand: for the model chosen, against the one it replaces."""
    rating: Weight = 1.0
    """The rating itself, 0 to 1."""
    regenerated: Weight = 0.5
    """Against the model that answered."""
    edited: Weight = 0.25
    """Says 1 - value; ``value`` is the share of the answer that was changed."""
    abandoned: Weight = 0.25
    """Against the model."""
    tool_success: Weight = 0.25
    """Says ``value``: 1 where the tools did what was wanted, 0 where they failed."""
    conversation: SignedWeight = 0.1
    """A conversation of more than ten answers: for the model, or against it when negative."""


class LevelTrust(Strict):
    """How much one level's evidence weighs against what the level above says."""

    strength: Annotated[float, Field(gt=0, le=10_000)]
    """Observations that the level above counts as."""
    min_evidence: Annotated[float, Field(ge=0, le=10_000)]
    """Below this many observations the level says nothing."""


class S2Constants(Strict):
    """Constants of the formulas of method ``s2``; thresholds are passed, not reached, and a boost may be negative.

    ``prior``: observations that draw ratings and the other shares towards neutral while there are few.
    """

    override_threshold: Share = 0.3
    override_boost: SignedWeight = 0.2
    conversation_threshold: Annotated[float, Field(ge=0, le=1_000_000)] = 10.0
    conversation_boost: SignedWeight = 0.1
    boost_cap: Annotated[float, Field(ge=0, le=1)] = 0.3
    rating_weight: Weight = 0.2
    regenerated_weight: Weight = 0.2
    edited_weight: Weight = 0.0
    abandoned_weight: Weight = 0.0
    tool_success_weight: Weight = 0.0
    prior: Annotated[float, Field(gt=0, le=10_000)] = 2.0


class Preferences(Strict):
    """Tier 4: which method, which levels, and their constants."""

    method: Literal["decayed", "s2"] = "decayed"
    levels: tuple[PreferenceLevel, ...] = ("user", "space", "organisation")
    """Levels that are read; none: preferences have no effect."""
    half_life_days: Annotated[int, Field(ge=1, le=90)] = 30
    """After so many days evidence counts half. Evidence is kept for 26 weeks, whatever this is."""
    frequency: Annotated[float, Field(gt=0, le=1)] = 0.3
    """Share of a user's choices from which overrides to a model count in full; below it in proportion."""
    reach: Annotated[float, Field(ge=0, le=0.5)] = 0.3
    """How far from neutral (0.5) a score can get."""
    user: LevelTrust = LevelTrust(strength=5, min_evidence=2)
    space: LevelTrust = LevelTrust(strength=40, min_evidence=4)
    organisation: LevelTrust = LevelTrust(strength=40, min_evidence=4)
    signals: SignalWeights = SignalWeights()
    s2: S2Constants = S2Constants()
