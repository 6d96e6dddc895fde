"""Who may call next: queues per (provider, tenant), with limits on the calls in flight of both (DESIGN 8.4). Pure.

Tenants of one provider take turns, so that a tenant with ten thousand waiting calls delays another by one turn.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Calls in flight that a provider takes: in all, and of one tenant."""

    total: int
    per_tenant: int


class Admission:
    """Calls in flight and waiting; keys are decision ids, unique over all partitions of a process."""

    def __init__(self, limits: Callable[[str], Limits]) -> None:
        self._limits = limits
        self._running: dict[str, tuple[str, str]] = {}
        self._waiting: dict[str, tuple[str, str]] = {}
        self._queues: dict[str, OrderedDict[str, OrderedDict[str, None]]] = {}
        self._by_provider: Counter[str] = Counter()
        self._by_pair: Counter[tuple[str, str]] = Counter()

    @property
    def running(self) -> int:
        """Return the number of calls in flight."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Return the number of calls waiting."""
        return len(self._waiting)

    def enter(self, key: str, provider: str, tenant: str) -> bool:
        """Ask for a place; True: granted at once. False: queued, and a later ``leave`` will return the key."""
        if key in self._running or key in self._waiting:
            return False
        queues = self._queues.setdefault(provider, OrderedDict())
        if tenant not in queues and self._fits(provider, tenant):
            self._take(key, provider, tenant)
            return True
        self._waiting[key] = (provider, tenant)
        queues.setdefault(tenant, OrderedDict())[key] = None
        return False

    def leave(self, key: str) -> list[str]:
        """Give a place, granted or in a queue, back; return the keys that are granted now. Harmless without a place."""
        if (place := self._waiting.pop(key, None)) is not None:
            provider, tenant = place
            queue = self._queues[provider][tenant]
            del queue[key]
            if not queue:
                del self._queues[provider][tenant]
            return []
        if (place := self._running.pop(key, None)) is None:
            return []
        self._by_provider[place[0]] -= 1
        self._by_pair[place] -= 1
        if not self._by_pair[place]:
            del self._by_pair[place]
        return self._grant(place[0])

    def _fits(self, provider: str, tenant: str) -> bool:
        limits = self._limits(provider)
        return self._by_provider[provider] < limits.total and self._by_pair[provider, tenant] < limits.per_tenant

    def _take(self, key: str, provider: str, tenant: str) -> None:
        self._running[key] = (provider, tenant)
        self._by_provider[provider] += 1
        self._by_pair[provider, tenant] += 1

    def _grant(self, provider: str) -> list[str]:
        """Grant as many waiting calls as fit, one of each tenant per round; who was served goes to the end."""
        queues = self._queues.get(provider)
        if not queues:
            return []
        limits = self._limits(provider)
        granted: list[str] = []
        served = True
        while served:
            served = False
            for tenant in list(queues):
                if self._by_provider[provider] >= limits.total:
                    return granted
                if self._by_pair[provider, tenant] >= limits.per_tenant:
                    continue
                key, _ = queues[tenant].popitem(last=False)
                del self._waiting[key]
                self._take(key, provider, tenant)
                granted.append(key)
                served = True
                if queues[tenant]:
                    queues.move_to_end(tenant)
                else:
                    del queues[tenant]
        return granted
