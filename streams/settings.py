"""Settings of the processes: where Kafka and ClickHouse are, where run data lies. Never anything that steers routing.

Every field is read from ``POINTSMAN_<FIELD>``; what routing does is decided by config events alone (DESIGN 10).
"""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.topics import TENANT_PARTITIONS


class Settings(BaseSettings):
    """Process settings; ``kafka`` holds further librdkafka properties such as SASL ones."""

    model_config = SettingsConfigDict(env_prefix="POINTSMAN_", env_nested_delimiter="__", frozen=True)

    bootstrap: str = "127.0.0.1:9092"
    prefix: str = ""
    """Put before every topic, group and transactional id: several deployments on one cluster."""
    kafka: dict[str, str] = {}
    partitions: int = Field(default=TENANT_PARTITIONS, ge=1, le=1000)
    run_dir: Path = Path(".pointsman")
    replication: int = 1
    clickhouse: str = ""
    """URL of a ClickHouse server; empty: chDB in ``run_dir``."""
    simulated_port: int = 0
    simulated_scale: float = 1.0
    """Factor on the simulated providers' latencies."""
    batch_size: int = Field(default=500, ge=1)
    session_timeout_ms: int = 6000
    content_key: SecretStr = SecretStr("pointsman-local")
    """Key of the content HMAC that tells a repeated request from a conflicting one."""
    config_keys: str = ""
    """Public keys (base64, by commas): one of them has to sign tenants and endpoints. Empty: nothing has to be."""
    signing_key: Path | None = None
    """File of the key that signs what this command publishes."""
    dedupe_window_s: int = 3600
    debug: bool = False

    def topic(self, name: str) -> str:
        """Return the broker's name of a logical topic."""
        return f"{self.prefix}{name}"

    def logical(self, broker_topic: str) -> str:
        """Return the logical name of a broker topic."""
        return broker_topic[len(self.prefix) :]
