"""The executor's view of the config topic: endpoints with their adapters and limits, price books for costs."""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog
from confluent_kafka import TopicPartition
from pydantic import ValidationError

from providers.base import ProviderAdapter
from providers.endpoint import EndpointConfig
from providers.keys import KeyReferenceError
from providers.registry import build_adapter
from providers.simulated.server import address
from routing.admission import Limits
from routing.pricing import Rates, cost, rates_at
from schemas import topics as t
from schemas.control_prices import Price, PricesDocument
from schemas.control_provider import SIMULATED_ADDRESS, ProviderDocument
from schemas.control_tenant import TenantDocument
from schemas.decision import AttemptPlan
from schemas.record import Record
from schemas.usage import Usage
from streams.config_log import ConfigLog
from streams.config_signature import Trust
from streams.executor_readers import Post
from streams.kafka_clients import consumer, to_record
from streams.log_reader import read_range
from streams.settings import Settings

log = structlog.get_logger()
_LIMITS_OF_NOBODY: Final = Limits(64, 16)
_ADAPTER_FIELDS: Final = (
    "name",
    "dialect",
    "key",
    "auth",
    "simulated",
    "unbilled_statuses",
    "unbilled_stream_codes",
    "connect_timeout_s",
    "profiles",
)


class EndpointUnavailableError(Exception):
    """No adapter for this endpoint now; the message says what to fix, without secrets."""


class Endpoints:
    """Adapters by endpoint name, built when first needed and rebuilt when their document or address changes."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._documents: dict[str, ProviderDocument] = {}
        self._limits: dict[str, Limits] = {}
        self._adapters: dict[str, tuple[ProviderDocument, str, ProviderAdapter]] = {}
        self._retired: list[ProviderAdapter] = []

    def set(self, document: ProviderDocument) -> None:
        """Take a new version of an endpoint's document."""
        self._documents[document.name] = document
        self._limits[document.name] = Limits(document.concurrency, document.concurrency_per_tenant)

    def limits(self, name: str) -> Limits:
        """Return the calls in flight that the endpoint takes."""
        return self._limits.get(name, _LIMITS_OF_NOBODY)

    def adapter(self, name: str, tenant: str) -> ProviderAdapter:
        """Return the adapter for a call of ``tenant``; raises ``EndpointUnavailableError``."""
        document = self._documents.get(name)
        if document is not None and document.tenant not in {None, tenant.partition("#")[0]}:
            raise EndpointUnavailableError(f"the endpoint {name} belongs to another tenant")
        if document is None:
            raise EndpointUnavailableError(f"no endpoint is configured under the name {name}")
        known = self._adapters.get(name)
        if known is not None and known[0] is document:
            return known[2]
        return self._build(document, self._base_url(document))

    def moved(self, name: str) -> None:
        """Look up the address of a simulated endpoint again, after a connection failed."""
        known = self._adapters.get(name)
        if known is not None and known[0].base_url == SIMULATED_ADDRESS and self._base_url(known[0]) != known[1]:
            self._retired.append(self._adapters.pop(name)[2])

    async def aclose(self) -> None:
        """Close all connections."""
        for adapter in (*self._retired, *(entry[2] for entry in self._adapters.values())):
            await adapter.aclose()

    def _base_url(self, document: ProviderDocument) -> str:
        if document.base_url != SIMULATED_ADDRESS:
            return document.base_url
        url = address(self._run_dir)
        if url is None:
            raise EndpointUnavailableError("the simulated providers are not running")
        return f"{url}/v1" if document.dialect == "openai" else url

    def _build(self, document: ProviderDocument, base_url: str) -> ProviderAdapter:
        try:
            values = {name: getattr(document, name) for name in _ADAPTER_FIELDS}
            endpoint = EndpointConfig.model_validate(
                {
                    **values,
                    "base_url": base_url,
                    "profile": document.profile,
                    "max_connections": min(document.concurrency, 10_000),
                    "key": document.key or (_SIMULATED_KEY if document.simulated else None),
                }
            )
            adapter = build_adapter(endpoint, {**os.environ, _SIMULATED_KEY_NAME: "simulated"})
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False, include_input=False)
            where = ", ".join(".".join(map(str, fault["loc"])) for fault in faults)
            raise EndpointUnavailableError(f"the document of endpoint {document.name} is not usable: {where}") from None
        except KeyReferenceError as error:
            raise EndpointUnavailableError(str(error)) from None
        old = self._adapters.pop(document.name, None)
        if old is not None:
            self._retired.append(old[2])
        self._adapters[document.name] = (document, base_url, adapter)
        return adapter


_SIMULATED_KEY_NAME: Final = "POINTSMAN_SIMULATED_KEY"
_SIMULATED_KEY: Final = f"env:{_SIMULATED_KEY_NAME}"
"""The simulators want a key as real providers do; any will do."""


class Prices:
    """Price books by ``name@version``: every version stays, so a call costs what its decision was made with."""

    def __init__(self) -> None:
        self._books: dict[str, dict[str, list[tuple[datetime, Rates]]]] = {}

    def set(self, document: PricesDocument) -> None:
        """Take a book."""
        if document.reference not in self._books:
            self._books[document.reference] = _rates_of(document.prices)

    def set_own(self, document: TenantDocument) -> None:
        """Take the prices that a tenant negotiated; a plan cites them by the tenant's document."""
        if document.model_prices and document.document_key not in self._books:
            self._books[document.document_key] = _rates_of(document.model_prices)

    def cost(self, book: str, plan: AttemptPlan, usage: Usage, at: datetime) -> tuple[int, str]:
        """Return pico-dollars and their source: the provider's figure, the tenant's or the book's price, the bound."""
        book = plan.prices or book
        if usage.provider_cost is not None:
            return usage.provider_cost, "provider"
        rates = rates_at(self._books.get(book, {}).get(plan.model, ()), at)
        if rates is None:
            return plan.bound, "bound"
        return cost(rates, usage), book


def _rates_of(prices: Mapping[str, Sequence[Price]]) -> dict[str, list[tuple[datetime, Rates]]]:
    return {model: [(price.since_instant, Rates.of(price)) for price in listed] for model, listed in prices.items()}


class ConfigFollower(threading.Thread):
    """Reads ``config`` to its end at the start, then keeps endpoints and prices current."""

    def __init__(
        self, settings: Settings, endpoints: Endpoints, prices: Prices, on_failure: Callable[[BaseException], None]
    ) -> None:
        super().__init__(name="config", daemon=True)
        self._settings = settings
        self._endpoints = endpoints
        self._prices = prices
        self._on_failure = on_failure
        self._log = ConfigLog(Trust(settings.config_keys))
        self._post: Post | None = None
        self._stopping = threading.Event()

    def load(self) -> None:
        """Take all documents published so far."""
        self.take(list(read_range(self._settings, {(t.CONFIG, 0): 0})))

    def follow(self, post: Post) -> None:
        """Start to follow; new documents are taken in the event loop's thread."""
        self._post = post
        self.start()

    def stop(self) -> None:
        """Ask the thread to end."""
        self._stopping.set()

    def take(self, records: Sequence[Record]) -> None:
        """Fold records one by one, so that every version of a price book is seen."""
        for record in records:
            self._log.add([record])
            documents = self._log.documents
            for document in documents.values():
                if isinstance(document, PricesDocument):
                    self._prices.set(document)
                elif isinstance(document, TenantDocument):
                    self._prices.set_own(document)
                elif isinstance(document, ProviderDocument):
                    self._endpoints.set(document)

    def run(self) -> None:
        """Follow until stopped."""
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - the boundary of the thread
            self._tell(self._on_failure, error)

    def _work(self) -> None:
        client = consumer(self._settings, "executor-config", **{"fetch.wait.max.ms": 100})
        client.assign([TopicPartition(self._settings.topic(t.CONFIG), 0, self._log.next_offset)])
        try:
            while not self._stopping.is_set():
                first = client.poll(0.5)
                if first is None:
                    continue
                messages = (first, *client.consume(500, 0))
                records = [to_record(message, self._settings) for message in messages if message.error() is None]
                if records:
                    log.info("config_read", documents=len(records))
                    self._tell(self.take, records)
        finally:
            client.close()

    def _tell(self, callback: Callable[..., None], *args: object) -> None:
        try:
            if self._post is not None:
                self._post(callback, *args)
        except RuntimeError:  # the loop is closed: the process is ending
            self._stopping.set()
