"""All stages as processes on the shared broker under a name of their own, and the command line over them."""

import io
import json
import os
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from confluent_kafka.admin import AdminClient

from pointsman.cli import main
from pointsman.config_store import applied_everywhere
from streams.local_kafka import LocalKafka
from streams.settings import Settings
from tests.stage import prepared, running

STAGES = ("simulated", "router", "executor", "feedback", "recorder")


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command wrote."""

    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Installation:
    """A running pointsman as its users have it."""

    settings: Settings

    @property
    def environment(self) -> dict[str, str]:
        """What the command line needs to find it."""
        return {
            "POINTSMAN_BOOTSTRAP": self.settings.bootstrap,
            "POINTSMAN_PREFIX": self.settings.prefix,
            "POINTSMAN_RUN_DIR": str(self.settings.run_dir),
            "POINTSMAN_CONFIG_KEYS": self.settings.config_keys,
        }

    def run(self, *arguments: str, text: str = "", status: int = 0) -> Printed:
        """Run a command in this process, expect its exit status, return what it printed."""
        out, err = _stream(), _stream()
        code = 0
        with ExitStack() as stack:
            stack.enter_context(patch.dict(os.environ, self.environment))
            stack.enter_context(patch.object(sys, "argv", ["pointsman", *arguments]))
            stack.enter_context(patch.object(sys, "stdin", io.StringIO(text)))
            stack.enter_context(redirect_stdout(out))
            stack.enter_context(redirect_stderr(err))
            try:
                main()
            except SystemExit as end:
                code = int(end.code or 0)
        printed = Printed(_text(out), _text(err))
        assert code == status, f"exit status {code}\n{printed.stdout}\n{printed.stderr}"
        return printed

    def json(self, *arguments: str, status: int = 0) -> Any:
        """Run a command with JSON output and return the document."""
        return json.loads(self.run(*arguments, "--output", "json", status=status).stdout)


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


@contextmanager
def installed(kafka: LocalKafka, run_dir: Path, stages: Sequence[str] = STAGES, **more: Any) -> Iterator[Installation]:
    """Run the stages with the shipped configuration; return once every partition of the router uses it.

    ``more`` are further settings of stages and commands.
    """
    prefix = f"t{uuid.uuid4().hex[:10]}-"
    settings = Settings(bootstrap=kafka.bootstrap, prefix=prefix, run_dir=run_dir, simulated_scale=0.02, **more)
    prepared(settings)
    try:
        with running(settings, run_dir, *stages):
            assert applied_everywhere(settings, 60) == []
            yield Installation(settings)
    finally:
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
        mine = [topic for topic in admin.list_topics(timeout=10).topics if topic.startswith(prefix)]
        for deletion in admin.delete_topics(mine, operation_timeout=30).values():
            deletion.result()
