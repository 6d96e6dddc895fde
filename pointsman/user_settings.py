"""Users' settings as the router keeps them: the newest values of its changelog."""

import json

from pointsman.log_reader import LogReader
from schemas import topics
from schemas.partition import partition_for
from schemas.user_settings import UserSettings
from streams.log_reader import read_range
from streams.settings import Settings


def read_user_settings(settings: Settings, tenant: str) -> dict[str, UserSettings]:
    """Return user -> settings of a tenant's users who have set any."""
    with LogReader(settings) as reader:
        partitions = reader.partitions(topics.ROUTER_STATE)
    found: dict[str, UserSettings] = {}
    prefix = f"settings/{tenant}/"
    for record in read_range(settings, {(topics.ROUTER_STATE, partition_for(tenant, partitions)): 0}):
        key = (record.key or b"").decode(errors="replace")
        if not key.startswith(prefix):
            continue
        user = key.removeprefix(prefix)
        if record.value is None:
            found.pop(user, None)
        else:
            _, _, value = json.loads(record.value)
            found[user] = UserSettings.model_validate_json(json.dumps(value))
    return dict(sorted(found.items()))
