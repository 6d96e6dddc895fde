"""What a decision reads of provider health: the worst that any executor sees, where it is not good."""

from collections.abc import Iterable

from schemas.decision import Health
from schemas.provider_call import ProviderHealth


def worst_health(rows: Iterable[ProviderHealth]) -> dict[str, Health]:
    """Return ``provider|model`` -> ``degraded`` (half-open) or ``open``, in key order; closed breakers are left out."""
    worst: dict[str, Health] = {}
    for row in rows:
        name = f"{row.provider}|{row.model}"
        if row.state == "open":
            worst[name] = "open"
        elif row.state == "half_open":
            worst.setdefault(name, "degraded")
    return dict(sorted(worst.items()))
