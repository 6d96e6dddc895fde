"""One model that may compete, and what bars one."""

from dataclasses import dataclass

from routing.adaptation import RowAdaptation
from routing.build import build
from routing.models import ModelEntry
from routing.pricing import Rates
from routing.reason_codes import VetoRule
from schemas.control_catalog import ServedBy
from schemas.decision import Veto


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One model that may compete: its rates now, its endpoints (preferred first), what bars it whatever is asked."""

    entry: ModelEntry
    rates: Rates | None
    endpoints: tuple[ServedBy, ...]
    veto: Veto | None
    preferred: bool
    sensitive_ok: bool
    own_price: bool
    """Whether the rates are the tenant's own."""
    adaptation: RowAdaptation | None = None
    """How prompts are changed for it."""

    @property
    def added_tokens(self) -> int:
        """Estimated input tokens that the adaptation adds."""
        return 0 if self.adaptation is None else self.adaptation.tokens

    @property
    def added_bound(self) -> int:
        """What it adds to the bound of input tokens."""
        return 0 if self.adaptation is None else self.adaptation.bound

    @property
    def priced(self) -> Rates:
        """The rates of a row that is not barred as unpriced."""
        if self.rates is None:
            raise LookupError("an unpriced model has no rates")
        return self.rates


def veto(model: str, rule: VetoRule, source: str, detail: str | None = None) -> Veto:
    """Return a veto; ``source`` is ``kind/name@version``, or ``request`` or ``view`` for limits that stand there."""
    return build(Veto, {"model": model, "rule": rule.value, "source": source, "detail": detail})
