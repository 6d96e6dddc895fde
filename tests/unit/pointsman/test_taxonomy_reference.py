"""The page on types of work: everybody finds the class they use; the drift test of contracts keeps it true."""

from collections import Counter

import pytest

from pointsman.taxonomy_reference import markdown, shipped_taxonomy
from routing.taxonomy import Taxonomy
from routing.words import TYPES
from schemas.request import CopilotMode, JobType, SpaceType

PAGE = markdown()
SHIPPED = shipped_taxonomy()
CLASSES = {
    "Code Generation": "code-generation",
    "Code Review/Debug": "code-review",
    "Complex Reasoning": "analysis",
    "Math/Logic": "math",
    "Creative Writing": "creative",
    "Simple Q&A": "factual",
    "Long Documents": "summarization",
    "Real-time Chat": "simple-task",
    "Analysis/Research": "analysis",
    "Translation": "translation",
    "simple_qa": "factual",
    "math_logic": "math",
    "coding": "code-generation",
    "architectural decisions": "architecture",
    "system design": "architecture",
    "refactoring": "refactoring",
    "documentation writing": "documentation",
    "rapid prototyping": "code-generation",
    "general-purpose": "general",
    "quick responses": "simple-task",
    "mathematical reasoning": "math",
    "algorithm optimization": "math",
    "explanation": "factual",
    "multi-step planning": "planning",
    "basic reasoning": "general",
}


@pytest.mark.parametrize(("name", "kind"), CLASSES.items())
def test_classes_of_other_schemes_mean_a_type(name: str, kind: str) -> None:
    """Task types, clusters, specialities and intents that others write mean one of our types (R8)."""
    assert Taxonomy(SHIPPED).type_named(name) == kind


def test_the_page_names_everything() -> None:
    """Each type, alias, mode, job type and kind of space stands on the page."""
    taxonomy = SHIPPED
    aliases = [alias for profile in taxonomy.types.values() for alias in profile.aliases]
    for name in (*TYPES, *aliases, *CopilotMode, *JobType, *SpaceType):
        assert f"`{name}`" in PAGE
    for profile in taxonomy.types.values():
        assert profile.description in PAGE
        assert f"{profile.output_tokens:,}" in PAGE


def test_no_class_means_two_types() -> None:
    """No alias is given twice, nor is it the name of another type."""
    taxonomy = SHIPPED
    aliases = [alias.replace("_", "-") for profile in taxonomy.types.values() for alias in profile.aliases]
    assert [alias for alias, count in Counter(aliases).items() if count > 1] == []
    own = {
        kind.value: {alias.replace("_", "-") for alias in profile.aliases} for kind, profile in taxonomy.types.items()
    }
    assert [alias for kind, names in own.items() for alias in names if alias in own and alias != kind] == []
