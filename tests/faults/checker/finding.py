"""What a rule found: how much it looked at, what is wrong, and figures worth showing."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.faults.checker.facts import Facts


@dataclass(slots=True)
class Finding:
    """The result of one rule; it holds when nothing is wrong."""

    rule: str
    promise: str
    checked: int = 0
    wrong: list[str] = field(default_factory=list)
    figures: dict[str, int | str] = field(default_factory=dict)

    def expect(self, holds: bool, what: str) -> bool:
        """Count one check; ``what`` says what is wrong if it does not hold. Returns ``holds``."""
        self.checked += 1
        if not holds:
            self.wrong.append(what)
        return holds


Rule = Callable[[Facts], Finding]
