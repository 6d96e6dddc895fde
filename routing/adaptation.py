"""What adapting a prompt to a model adds to it, in tokens (SPEC R14): every estimate and every hold counts it.

The bound grows by the UTF-8 bytes of the instructions, their separator and one message's framing: no tokenizer gives
more tokens than bytes. Moving instructions into the user's message repeats nothing, and stop sequences are no input.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from routing.build import build
from routing.references import NameTable
from schemas.adaptation import AppliedAdaptation
from schemas.control_adaptation import Adaptation
from schemas.control_policy import PolicyDocument

SEPARATOR: Final = "\n\n"
BOUND_PER_MESSAGE: Final = 8
"""Tokens of framing around a message, at most."""
_CHARACTERS_PER_TOKEN: Final = 4


@dataclass(frozen=True, slots=True)
class RowAdaptation:
    """A model's adaptation with what it costs."""

    rule: Adaptation
    source: str
    tokens: int
    """Estimated."""
    bound: int
    """No tokenizer gives more."""

    def applied(self, complexity: str, most_thinking: int) -> AppliedAdaptation:
        """Return it as a decision about a task of that complexity records it.

        ``most_thinking``: tokens that may go into thinking at most; 0 where the task or the model does not think.
        """
        thinking = min(self.rule.thinking.get(complexity, 0), most_thinking)  # type: ignore[call-overload]
        return build(
            AppliedAdaptation,
            {
                "source": self.source,
                "instructions": self.rule.instructions,
                "place": self.rule.place,
                "stop": self.rule.stop,
                "effort": self.rule.effort.get(complexity),  # type: ignore[call-overload]
                "thinking_tokens": thinking or None,
                "added_tokens": self.tokens,
            },
        )


def compile_adaptations(policy: PolicyDocument, names: NameTable) -> Mapping[str, RowAdaptation]:
    """Return the adaptation of each model; where several references mean a model, the first that is listed."""
    found: dict[str, RowAdaptation] = {}
    for text, rule in policy.adaptations.items():
        # Instructions of the user's place are joined to other text even where there are none of the router's own.
        size = len((rule.instructions + SEPARATOR).encode())
        bound = size + BOUND_PER_MESSAGE
        tokens = -(-len(rule.instructions) // _CHARACTERS_PER_TOKEN)
        adaptation = RowAdaptation(rule, f"policy/{policy.reference}", tokens, bound)
        for model in names.resolve(text).models:
            found.setdefault(model, adaptation)
    return found
