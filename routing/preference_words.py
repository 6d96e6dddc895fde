"""Who prefers a model, in words: the level that speaks loudest for it (SPEC R17)."""

from typing import Final

from schemas.decision import PreferenceView

_WORDS: Final = {
    "user": "you tend to prefer it",
    "space": "people in this space tend to prefer it",
    "organisation": "people in your organisation tend to prefer it",
}


def loudest(view: PreferenceView, model: str) -> str:
    """Return the level that moves the score of ``model`` most in the direction it went; ``user`` where none is told."""
    said = (view.levels or {}).get(model, {})
    up = 1 if view.scores.get(model, 0.5) >= 0.5 else -1
    pulls = {level: up * one.share * (one.says - 0.5) for level, one in said.items()}
    return max(pulls, key=lambda level: pulls[level]) if pulls else "user"


def preference_words(view: PreferenceView | None, model: str) -> str:
    """Return why preferences changed the choice to ``model``."""
    if view is None or view.scores.get(model, 0.5) <= 0.5:
        return "the model that would have been first is liked less"
    return _WORDS[loudest(view, model)]
