"""The simulator as a process: its address, its end, and its bill when it is killed."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from providers.endpoint import EndpointConfig
from providers.errors import ProviderError
from providers.registry import build_adapter
from providers.simulated import ADDRESS_FILE, BILL_FILE, address, run
from tests.contract.providers.conftest import Simulator, asked, context

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Settings:
    run_dir: Path
    simulated_port: int = 0
    simulated_scale: float = 0.0


@contextlib.contextmanager
def started(settings: Settings) -> Generator[str]:
    stop = threading.Event()
    before = (settings.run_dir / ADDRESS_FILE).stat().st_mtime_ns if (settings.run_dir / ADDRESS_FILE).exists() else 0
    thread = threading.Thread(target=run, args=(settings, 0, stop))
    thread.start()
    try:
        while (url := address(settings.run_dir)) is None or (
            (settings.run_dir / ADDRESS_FILE).stat().st_mtime_ns == before
        ):
            thread.join(0.01)
            assert thread.is_alive()
        yield url
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def test_the_stage_publishes_its_address_and_keeps_it(tmp_path: Path) -> None:
    """The simulator runs with the shipped behaviours, writes where it is, and comes back at the same address."""
    with started(Settings(tmp_path)) as first:
        published = json.loads((tmp_path / ADDRESS_FILE).read_text())
        assert published["openai"] == f"{first}/v1"
        assert httpx.get(f"{first}/health", trust_env=False).json() == {"status": "ok", "simulated": True}
        assert len(httpx.get(f"{first}/v1/models", trust_env=False).json()["data"]) > 50
    with started(Settings(tmp_path)) as second:
        assert second == first
    with pytest.raises(ValueError, match="slot 0"):
        run(Settings(tmp_path), 1, threading.Event())


def test_a_broken_address_file_is_no_address(tmp_path: Path) -> None:
    """Absent, cut or foreign files give no address."""
    assert address(tmp_path) is None
    for content in ("", "{", "[]", '{"url": 7}'):
        (tmp_path / ADDRESS_FILE).write_text(content)
        assert address(tmp_path) is None


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("GET", "/nowhere", {}, b"", 404),
        ("PUT", "/admin/outage", {}, b"", 405),
        ("POST", "/admin/outage", {}, b"{", 422),
        ("POST", "/admin/outage", {}, b'{"model": "x", "mode": "fire"}', 422),
        ("POST", "/admin/outage", {"host": "evil.example.com"}, b'{"model": "x"}', 403),
        ("POST", "/v1/chat/completions", {}, b"{}", 401),
        ("POST", "/v1/chat/completions", {"authorization": "Bearer k"}, b"{", 400),
        ("POST", "/v1/chat/completions", {"authorization": "Bearer k"}, b'{"model": "calm", "messages": []}', 400),
        ("POST", "/v1/chat/completions", {"authorization": "Bearer k"}, b'{"messages": [{}]}', 400),
        ("POST", "/v1/messages", {"x-api-key": "k"}, b"{}", 400),
        ("POST", "/v1/messages", {"x-api-key": "k", "anthropic-version": "2026-10-21"}, b'{"model": "calm"}', 400),
        (
            "POST",
            "/v1/messages",
            {"x-api-key": "k", "anthropic-version": "2026-10-21"},
            b'{"model":"calm","max_tokens":9,"temperature":1.0,"messages":[{"role":"user","content":"x"}]}',
            400,
        ),
    ],
)
def test_requests_that_a_provider_refuses(
    simulator: Simulator, method: str, path: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    """The simulator is as strict as what it stands for: keys, fields, versions; switches only from this machine."""
    answer = httpx.request(method, simulator.url + path, headers=headers, content=body, trust_env=False)
    assert answer.status_code == status
    assert "error" in answer.json()


PROGRAM = """
import sys, threading
from dataclasses import dataclass
from pathlib import Path
from providers.simulated import run

@dataclass
class Settings:
    run_dir: Path
    simulated_port: int = 0
    simulated_scale: float = 0.0

run(Settings(Path(sys.argv[1])), 0, threading.Event())
"""


async def test_every_answer_was_on_the_bill_before_it_left(tmp_path: Path) -> None:
    """After kill -9 in the middle of traffic, every call that was answered is on the bill, once (section 6 oracle)."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)], env=environment)  # noqa: ASYNC220
    try:
        async with asyncio.timeout(30):
            while (url := address(tmp_path)) is None:  # noqa: ASYNC110  (another process tells it by a file)
                await asyncio.sleep(0.02)
        config = EndpointConfig(name="sim", dialect="openai", base_url=f"{url}/v1", simulated=True)
        adapter = build_adapter(config, {})
        answered: set[str] = set()

        async def ask_until_it_dies() -> None:
            while True:
                attempt = uuid.uuid4().hex
                try:
                    await adapter.chat(asked("some-model"), context(attempt))
                except ProviderError as error:
                    if error.category == "connect" or (error.category == "connection_lost" and killed.is_set()):
                        return
                    continue
                answered.add(attempt)
                if len(answered) == 300:
                    process.kill()
                    killed.set()

        killed = asyncio.Event()
        await asyncio.gather(*(ask_until_it_dies() for _ in range(16)))
        await adapter.aclose()
    finally:
        process.kill()
        process.wait()
    lines = (tmp_path / BILL_FILE).read_bytes().split(b"\n")
    billed = [json.loads(line)["attempt"] for line in lines[:-1]]
    assert len(answered) >= 300
    assert answered <= set(billed)
    assert len(billed) == len(set(billed))
