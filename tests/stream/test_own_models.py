"""A tenant's own model at its own endpoint, from signed configuration alone, through all stages (X4, D5)."""

from collections.abc import Generator
from pathlib import Path

import pytest

from deploy.shipped_config import config_event
from pointsman.publisher import Publisher
from schemas import topics
from schemas.control import DOCUMENT
from schemas.envelope import at_ms
from streams.config_signature import Signer, new_key_file
from streams.local_kafka import LocalKafka
from tests.installation import Installation, installed
from tests.waiting import eventually

DOCUMENTS = """\
kind: provider
name: mill-gpu
tenant: mill
simulated: true
---
kind: tenant
name: mill
budget: {daily: 5}
models:
  - id: mill-large
    name: Mill Large
    maker: mill
    capabilities: {coding: 90, reasoning: 90, creative: 90, speed: 90, context_handling: 90, instruction: 90}
    tokens_per_second: 200
    ttft_ms: 100
    context_window: 200000
    max_output_tokens: 8192
    cost_tier: economy
    served_by: [{provider: mill-gpu, provider_model: gpt-4.1-mini}]
    cites: {capabilities: own, context_window: own, max_output_tokens: own, tokens_per_second: own, ttft_ms: own}
model_prices:
  mill-large: [{since: 2025-01-01, source: own, input: 1, output: 1}]
---
kind: tenant
name: other
"""


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signing key."""
    path = tmp_path_factory.mktemp("key") / "signing.key"
    new_key_file(path)
    return path


@pytest.fixture(scope="module")
def here(kafka: LocalKafka, tmp_path_factory: pytest.TempPathFactory, key: Path) -> Generator[Installation]:
    """All stages, with a key configured; what ships is signed, too."""
    public = Signer.of_file(key).public
    with installed(kafka, tmp_path_factory.mktemp("own"), config_keys=public, signing_key=key) as installation:
        yield installation


def test_unsigned_documents_are_refused_before_and_after_they_are_published(
    here: Installation, tmp_path: Path, key: Path
) -> None:
    """A command without a key says what to do; what is published past it ends in the dead letters with the reason."""
    file = tmp_path / "mill.yaml"
    file.write_text(DOCUMENTS)
    assert "have to be signed here" in here.run("config", "apply", str(file), status=1).stderr
    event = config_event(DOCUMENT.validate_python({"kind": "tenant", "name": "smuggled"}), at_ms(0))
    publisher = Publisher(here.settings)
    publisher.publish(event.to_output(topics.CONFIG, key=event.key, partition=0))
    publisher.close()

    def letter() -> bool:
        return "tenant/smuggled@1: unsigned" in here.run("dlq", "list", "--output", "json").stdout

    eventually(letter, "the unsigned tenant among the dead letters")
    assert here.json("submit", "Hello", "--tenant", "smuggled", status=1)["decision"]["code"] == "unknown_tenant"
    assert "tenant/smuggled" not in here.run("config", "show", "tenant").stdout
    assert key.exists()


def test_an_own_model_answers_and_is_billed_at_its_own_price(here: Installation, tmp_path: Path, key: Path) -> None:
    """Signed, the model is called at the tenant's endpoint and billed by its document; others know no such name."""
    file = tmp_path / "mill.yaml"
    file.write_text(DOCUMENTS)
    here.run("config", "apply", str(file), "--sign-with", str(key))
    answer = here.json("submit", "Say hello", "--tenant", "mill", "--model", "mill-large")
    assert answer["result"]["status"] == "completed"
    plan = answer["decision"]["chain"][0]
    assert (plan["provider"], plan["prices"]) == ("mill-gpu", "tenant/mill@1")
    story = here.json("explain", answer["result"]["request_id"])
    finished = next(event["event"] for event in story["events"] if "call.finished" in event["event"]["type"])
    assert finished["price_source"] == "tenant/mill@1"
    assert float(finished["cost"]) > 0
    refused = here.json("submit", "Say hello", "--tenant", "other", "--model", "mill-large", status=1)["decision"]
    assert refused["code"] == "unknown_model"
    listed = {row["model"]: row for row in here.json("models", "--tenant", "mill")}
    assert listed["mill-large"]["input"] == "1"
    assert "mill-large" not in {row["model"] for row in here.json("models")}


def test_doctor_and_keygen(here: Installation, tmp_path: Path) -> None:
    """keygen makes a key once and names its public half; a key file that is none is a usage error."""
    made = here.json("config", "keygen", str(tmp_path / "new.key"))
    assert len(made["public_key"]) == 44
    here.run("config", "keygen", str(tmp_path / "new.key"), status=2)
    wrong = tmp_path / "wrong.key"
    wrong.write_text("nonsense")
    wrong.chmod(0o600)
    assert "no signing key" in here.run("config", "apply", "--sign-with", str(wrong), "--bump", status=2).stderr
