"""The vectors of a clusters document whose encoder is an embedding model, fetched by a command.

Paid for outside the log: at the endpoint that serves the model, under the key that the endpoint's document names.
"""

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from deploy.shipped_config import shipped_documents
from pointsman.cli.context import connect
from pointsman.cli.errors import CliError
from pointsman.config_store import read_store
from providers.endpoint import endpoint_of
from providers.simulated.server import address
from routing.catalog import CompiledConfig, compile_config
from routing.models import ModelEntry
from routing.pricing import estimate, rates_at
from schemas.control_clusters import Embedding
from schemas.control_provider import ProviderDocument
from schemas.money import format_usd
from streams.embedding_encoder import FetchedEncoder, fetched
from streams.encoder_errors import EncoderUnavailableError


def encoder_of(embedding: Embedding, texts: Sequence[str], run_dir: Path) -> tuple[FetchedEncoder, str]:
    """Return an encoder that knows the vectors of ``texts``, and what they cost by the list price, in dollars.

    The model, its price and its endpoint are those of the log, else those shipped. Raise ``EncoderUnavailableError``.
    """
    config = _config(run_dir)
    entry = next((model for model in config.models() if model.id == embedding.model), None)
    if entry is None:
        raise EncoderUnavailableError(f"the catalog has no model {embedding.model}", "pointsman models")
    place = entry.served_by[0]
    found = config.document("provider", place.provider)
    if not isinstance(found, ProviderDocument):
        raise EncoderUnavailableError(f"no provider document is named {place.provider}", "pointsman config apply FILE")
    try:
        endpoint = endpoint_of(found, address(run_dir))
    except ValueError as error:
        raise EncoderUnavailableError(str(error), "pointsman up") from error
    made = asyncio.run(fetched(embedding, texts, endpoint, place.provider_model, os.environ))
    return made, _cost(entry, made.input_tokens)


def _config(run_dir: Path) -> CompiledConfig:
    try:
        published = [event.document for event in read_store(connect(run_dir)).current.values()]
    except CliError:
        published = shipped_documents()
    return compile_config({document.document_key: document for document in published})


def _cost(entry: ModelEntry, tokens: int) -> str:
    rates = rates_at(entry.prices, datetime.now(UTC))
    return "?" if rates is None else format_usd(estimate(rates, tokens, 0))
