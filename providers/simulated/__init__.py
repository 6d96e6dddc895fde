"""Simulated providers: a real HTTP server in both wire formats, with a bill; every answer is labelled as simulated."""

import threading
from pathlib import Path
from typing import Protocol

from providers.simulated.behaviour import load_behaviours
from providers.simulated.server import ADDRESS_FILE, BILL_FILE, SimulatorConfig, address, running, serve

__all__ = [
    "ADDRESS_FILE",
    "BEHAVIOUR_PATH",
    "BILL_FILE",
    "SimulatedSettings",
    "SimulatorConfig",
    "address",
    "load_behaviours",
    "run",
    "running",
]

BEHAVIOUR_PATH = Path(__file__).resolve().parents[2] / "deploy" / "catalog" / "simulated.yaml"
"""The behaviours that ship with pointsman; data, not code."""


class SimulatedSettings(Protocol):
    """What the simulator needs of the process settings."""

    @property
    def run_dir(self) -> Path:
        """Where address and bill are written."""
        ...

    @property
    def simulated_port(self) -> int:
        """Port on 127.0.0.1; 0 for any free one."""
        ...

    @property
    def simulated_scale(self) -> float:
        """Factor on all waiting times."""
        ...


def run(settings: SimulatedSettings, slot: int, stop: threading.Event) -> None:
    """Serve until ``stop``; one simulator serves all executors, so only slot 0 exists."""
    if slot != 0:
        raise ValueError("there is one simulator per installation: slot 0")
    config = SimulatorConfig(run_dir=settings.run_dir, port=settings.simulated_port, scale=settings.simulated_scale)
    serve(config, load_behaviours(BEHAVIOUR_PATH), stop)
