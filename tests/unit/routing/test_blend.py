from math import exp

from hypothesis import given
from hypothesis import strategies as st

from routing.blend import blended
from routing.classifier_model import Verdict
from routing.clusters import ClusterTable
from routing.words import TYPES
from schemas.cluster_reading import ClusterReading
from tests.unit.routing.toy_encoder import document

CHANCES = st.lists(st.integers(1, 10**9), min_size=len(TYPES), max_size=len(TYPES))
SCORES = st.fixed_dictionaries({name: st.integers(-10_000, 12_000) for name in ("food", "rail", "weather")})


def verdict(chances: list[int]) -> Verdict:
    return Verdict(chances, sum(chances), chances.index(max(chances)))


def reading(scores: dict[str, int]) -> ClusterReading:
    return ClusterReading(
        clusters="toys@1", encoder="toy-24-v1", scores={name: score / 10_000 for name, score in scores.items()}
    )


@given(CHANCES, SCORES)
def test_without_strength_nothing_moves(chances: list[int], scores: dict[str, int]) -> None:
    """A strength of 0 leaves the verdict as it is."""
    before = verdict(chances)
    assert blended(before, reading(scores), ClusterTable(document())) is before


@given(CHANCES, SCORES, st.floats(0.1, 4))
def test_the_formula_holds(chances: list[int], scores: dict[str, int], strength: float) -> None:
    """Probabilities are those of the formula in real numbers, but for the steps of the table; they sum to 1."""
    table = ClusterTable(document(blend=strength))
    before = verdict(chances)
    after = blended(before, reading(scores), table)
    mean = sum(scores.values()) / 3 / 10_000
    real = [
        chance * exp(strength * (scores[table.cluster_of[kind]] / 10_000 - mean) if kind in table.cluster_of else 0)
        for kind, chance in zip(TYPES, before.billionths, strict=True)
    ]
    assert 10**9 - len(TYPES) <= sum(after.billionths) <= 10**9
    assert after.best == after.weights.index(max(after.weights))
    for found, exact in zip(after.billionths, real, strict=True):
        assert abs(found / 10**9 - exact / sum(real)) < 0.012


@given(CHANCES, st.integers(-5000, 5000))
def test_equal_scores_move_nothing(chances: list[int], score: int) -> None:
    """Scores that tell no cluster from another leave the order of types as it is."""
    before = verdict(chances)
    after = blended(before, reading(dict.fromkeys(("food", "rail", "weather"), score)), ClusterTable(document(blend=4)))
    assert all(abs(one - two) <= 1 + len(TYPES) for one, two in zip(before.billionths, after.billionths, strict=True))
