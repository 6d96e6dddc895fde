"""Who may call next: queues per (provider, tenant), with limits on the calls in flight of both (DESIGN 8.4). Pure.

Tenants of one provider take turns, so that a tenant with ten thousand waiting calls delays another by one turn.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

Limit = Callable[[str], int]


@dataclass(slots=True)
class Admission:
    """Calls in flight and waiting; ``key`` is the decision's id, unique over all partitions of a process."""

    provider_limit: Limit
    tenant_limit: Limit
    _running: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    _waiting: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    _queues: dict[str, dict[str, deque[str]]] = field(default_factory=dict[str, dict[str, deque[str]]])
    _per_provider: dict[str, int] = field(default_factory=dict[str, int])
    _per_tenant: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def running(self) -> int:
        """Return the number of calls in flight."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Return the number of calls waiting."""
        return len(self._waiting)

    def enter(self, key: str, provider: str, tenant: str) -> bool:
        """Ask for a place; True: granted at once, False: queued, a later ``leave`` returns the key."""
        if key in self._running or key in self._waiting:
            return False
        if self._fits(provider, tenant) and not self._queues.get(provider, {}).get(tenant):
            self._take(key, provider, tenant)
            return True
        self._waiting[key] = (provider, tenant)
        self._queues.setdefault(provider, {}).setdefault(tenant, deque()).append(key)
        return False

    def leave(self, key: str) -> list[str]:
        """Give a place, or a place in a queue, back; return the keys that are granted now."""
        if (waiting := self._waiting.pop(key, None)) is not None:
            provider, tenant = waiting
            queue = self._queues[provider][tenant]
            queue.remove(key)
            if not queue:
                del self._queues[provider][tenant]
            return []
        if (running := self._running.pop(key, None)) is None:
            return []
        provider, tenant = running
        self._per_provider[provider] -= 1
        self._per_tenant[tenant] -= 1
        granted = self._grant(provider)
        for other in self._queues:
            if other != provider and tenant in self._queues[other]:
                granted += self._grant(other)
        return granted

    def _fits(self, provider: str, tenant: str) -> bool:
        return self._per_provider.get(provider, 0) < self.provider_limit(provider) and self._per_tenant.get(
            tenant, 0
        ) < self.tenant_limit(tenant)

    def _take(self, key: str, provider: str, tenant: str) -> None:
        self._running[key] = (provider, tenant)
        self._per_provider[provider] = self._per_provider.get(provider, 0) + 1
        self._per_tenant[tenant] = self._per_tenant.get(tenant, 0) + 1

    def _grant(self, provider: str) -> list[str]:
        queues = self._queues.get(provider, {})
        granted: list[str] = []
        for tenant in list(queues):
            queue = queues[tenant]
            moved = False
            while queue and self._fits(provider, tenant):
                key = queue.popleft()
                del self._waiting[key]
                self._take(key, provider, tenant)
                granted.append(key)
                moved = True
                if len(queues) > 1:
                    break
            if not queue:
                del queues[tenant]
            elif moved:
                queues[tenant] = queues.pop(tenant)
        return granted
