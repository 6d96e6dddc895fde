"""A request that nobody sent, with the configuration of the log, or the one that comes with pointsman."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointsman.cli.context import connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.output import note

if TYPE_CHECKING:
    from routing.catalog import CompiledConfig
    from routing.counterfactual import Case


def configuration(run_dir: Path) -> "CompiledConfig":
    """Return the documents of the log; those that come with pointsman where nothing runs."""
    from deploy.shipped_config import shipped_documents
    from pointsman.config_store import read_store
    from routing.catalog import compile_config

    try:
        settings = connect(run_dir)
    except CliError:
        note("pointsman does not run here: these are the documents that come with it")
        return compile_config({document.document_key: document for document in shipped_documents()})
    return compile_config({key: event.document for key, event in read_store(settings).published.items()})


def hypothetical(run_dir: Path, tenant: str, fields: dict[str, Any]) -> "Case":
    """Return the case of a request of these fields: nothing spent, no history, nobody's preferences."""
    from datetime import UTC, datetime

    from routing.classify import classify_with
    from routing.counterfactual import Case
    from routing.request_facts import facts_of
    from schemas.decision import View
    from schemas.request import RequestReceived
    from streams.cluster_source import ClusterSource

    config, now = configuration(run_dir), datetime.now(UTC)
    policy = config.tenant(tenant)
    if policy is None:
        raise CliError(f"no tenant {tenant}", "pointsman config show tenant", ExitCode.NOT_FOUND)
    values: dict[str, Any] = {"id": "hypothetical", "request_id": "hypothetical", "occurred_at": now, "tenant": tenant}
    request = RequestReceived(**values, **fields)
    view = View(per_request_cap=policy.budget.per_request)
    task, _ = classify_with(request, config, ClusterSource().reader(config))
    return Case(facts_of(request), task, view, config, now)
