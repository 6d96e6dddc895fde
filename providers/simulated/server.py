"""The simulator as a process: one uvicorn server on loopback, its address in a file, its bill beside it."""

import asyncio
import contextlib
import json
import os
import socket
import threading
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from providers.simulated.app import SimulatorApp
from providers.simulated.behaviour import Behaviours
from providers.simulated.bill import BillFile

ADDRESS_FILE = "simulated.json"
BILL_FILE = "simulated-bill.jsonl"
_KEEPALIVE_S = 120
_GRACE_S = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """Where the simulator runs. ``port`` 0 takes the port of the last run if it is free, else any free one."""

    run_dir: Path
    port: int = 0
    scale: float = 1.0


class _Protocol(H11Protocol):
    """Hands the connection to the application, which breaks it where a failure asks for that."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "connection": transport}


class _Server(uvicorn.Server):
    """Leaves signals to the process it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def serve(config: SimulatorConfig, behaviours: Behaviours, stop: threading.Event) -> None:
    """Serve until ``stop`` is set; the address is published once connections are accepted."""
    config.run_dir.mkdir(parents=True, exist_ok=True)
    bill = BillFile(config.run_dir / BILL_FILE)
    listener = _listener(config)
    try:
        app = SimulatorApp(behaviours, bill, config.scale)
        server = _Server(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_keep_alive=_KEEPALIVE_S,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(_serve(server, listener, config, stop))
    finally:
        listener.close()
        bill.close()


@contextlib.contextmanager
def running(config: SimulatorConfig, behaviours: Behaviours) -> Generator[str, None, None]:
    """Serve in a thread while the context is open; gives the URL."""
    stop = threading.Event()
    thread = threading.Thread(target=serve, args=(config, behaviours, stop), name="simulator", daemon=True)
    (config.run_dir / ADDRESS_FILE).unlink(missing_ok=True)
    thread.start()
    try:
        while (url := address(config.run_dir)) is None:
            thread.join(0.005)
            if not thread.is_alive():
                raise RuntimeError("the simulator did not start")
        yield url
    finally:
        stop.set()
        thread.join()


def address(run_dir: Path) -> str | None:
    """Return the simulator's URL as last published, e.g. ``http://127.0.0.1:40123``, or None."""
    try:
        published = json.loads((run_dir / ADDRESS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    url = cast("dict[str, object]", published).get("url") if isinstance(published, dict) else None
    return url if isinstance(url, str) else None


async def _serve(
    server: uvicorn.Server, listener: socket.socket, config: SimulatorConfig, stop: threading.Event
) -> None:
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():  # noqa: ASYNC110  (uvicorn tells it by this attribute alone)
        await asyncio.sleep(0.005)
    if server.started:
        _publish(config.run_dir, listener.getsockname()[1])
    while not stop.is_set() and not serving.done():  # noqa: ASYNC110  (set by a signal handler, in another thread)
        await asyncio.sleep(0.05)
    server.should_exit = True
    await serving


def _listener(config: SimulatorConfig) -> socket.socket:
    last = address(config.run_dir)
    for port in dict.fromkeys((config.port or int((last or ":0").rsplit(":", 1)[1]), config.port)):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            listener.close()
            if port == config.port:
                raise
        else:
            return listener
    raise OSError("no port to listen on")


def _publish(run_dir: Path, port: int) -> None:
    url = f"http://127.0.0.1:{port}"
    content = {"url": url, "openai": f"{url}/v1", "anthropic": url, "pid": os.getpid(), "simulated": True}
    scratch = run_dir / f"{ADDRESS_FILE}.new"
    scratch.write_text(json.dumps(content) + "\n", encoding="utf-8")
    scratch.replace(run_dir / ADDRESS_FILE)
