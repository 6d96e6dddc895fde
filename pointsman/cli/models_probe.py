from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.config import APPLY_SECONDS, TimeoutOption, publish_and_wait
from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.output import Output, OutputOption, emit_object, emit_rows, note, progress
from pointsman.cli.submit import DEFAULT_TENANT, TenantOption
from pointsman.cli.tenant_edit import TenantEdit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.probing import Judged, Plan
    from routing.catalog import CompiledConfig
    from routing.probe_abilities import Ability
    from schemas.control import ConfigDocument
    from schemas.probe import Probe
    from streams.settings import Settings

_ABILITY_COLUMNS = ("ability", "catalog", "after_probes", "evidence")


def probe(
    model: Annotated[str, typer.Argument(help="Model of the catalog, by id, alias or name.")],
    tenant: TenantOption = DEFAULT_TENANT,
    probes: Annotated[
        Path | None, typer.Option(help="Your own probes, one JSON object a line; else those of pointsman.")
    ] = None,
    publish: Annotated[
        bool | None,
        typer.Option(
            "--publish/--no-publish",
            help="Publish what was found, for this tenant. Unless said: real answers only.",
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Ask all anew, also what the log answers.")] = False,
    max_cost: Annotated[str, typer.Option(help="At most this many dollars for all probes of this run.")] = "1",
    parallel: Annotated[int, typer.Option(min=1, max=64, help="Probes at once.")] = 8,
    probe_timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for one answer.")] = 120.0,
    timeout: TimeoutOption = APPLY_SECONDS,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask a new model questions whose answers a program can judge; teach the tenant's router what came of it.

    Each probe is a request that is held, settled and capped like any. Its cost is overhead, and it teaches neither
    preferences nor statistics. Answers that the log has are not paid for again. A router with a predictor gets one that
    knows the model; another one gets the model's abilities, drawn from the catalog's towards what was seen.
    """
    from pointsman.probe_files import SHIPPED, ProbeFileError, read_probes
    from pointsman.probing import Plan
    from schemas.money import parse_usd

    try:
        asked = read_probes(probes or SHIPPED)
        limit = parse_usd(max_cost)
    except (ProbeFileError, ValueError) as error:
        raise CliError(str(error), "docs/how-to/add-a-model.md shows the format", ExitCode.USAGE) from None
    settings = connect(run_dir)
    with progress("reading the configuration of the log"):
        study = _Study(settings, tenant, model)
    plan = Plan(tenant, study.model.id, limit, parallel, probe_timeout)
    judged = _asked(settings, plan, asked, again=again)
    simulated = any(one.simulated for one in judged)
    if simulated:
        note("the answers are simulated: they say nothing of the real model")
    published = study.teach(judged, timeout, publish=publish if publish is not None else not simulated)
    _show(study, judged, published, output)


class _Study:
    """One model, for one tenant: what the log says of both, and what probes change."""

    def __init__(self, settings: "Settings", tenant: str, model: str) -> None:
        from pointsman.probe_teaching import TeachingError, model_named
        from routing.catalog import compile_config

        self._settings = settings
        self._edit = TenantEdit(settings, tenant)
        self._store, self.tenant = self._edit.store, self._edit.document
        published = self._store.published.items()
        self.config: CompiledConfig = compile_config({key: event.document for key, event in published})
        try:
            self.model, self._makers = model_named(self.config, self.tenant, model)
        except TeachingError as error:
            raise CliError(str(error), "pointsman models", ExitCode.NOT_FOUND) from None
        self.abilities: list[Ability] = []

    def teach(self, judged: "Sequence[Judged]", timeout: float, *, publish: bool) -> list[str]:
        """Publish what the probes say, if they say anything; return the keys of the documents."""
        from pointsman.probe_teaching import LEAST, TeachingError, abilities, asked_predictor, taught_predictor

        answered = sum(1 for one in judged if one.passed is not None)
        if answered < LEAST:
            note(f"cannot tell: {answered} judged answers, and it takes {LEAST}; nothing is published")
            return []
        try:
            document = asked_predictor(self.tenant, self._store)
            if document is not None:
                wanted = taught_predictor(document, self._store, self.model, self._makers, judged)
                return self._publish(wanted, timeout, publish=publish)
            self.abilities = abilities(self.model, judged, self.config, self.tenant)
        except TeachingError as error:
            note(f"nothing to publish: {error}")
            return []
        return self._state_abilities(timeout, publish=publish)

    def _publish(self, wanted: "list[ConfigDocument]", timeout: float, *, publish: bool) -> list[str]:
        comment = f"probes of {self.model.id}"
        if not wanted:
            note("nothing to publish: the log has all of it")
        elif not publish:
            note(f"not published: {', '.join(document.document_key for document in wanted)}")
        else:
            publish_and_wait(self._settings, wanted, comment, timeout)
            return [document.document_key for document in wanted]
        return []

    def _state_abilities(self, timeout: float, *, publish: bool) -> list[str]:
        from pointsman.probe_teaching import stated

        capabilities = stated(self.tenant, self.model.id, self.abilities)
        if capabilities == stated(self.tenant, self.model.id, ()):
            note("nothing to publish: the log has all of it")
            return []
        changes = {"capabilities": capabilities}
        key = self._edit.publish(changes, f"probes of {self.model.id}", timeout, dry_run=not publish)
        return [key] if publish else []


def _asked(settings: "Settings", plan: "Plan", probes: "list[Probe]", *, again: bool) -> "list[Judged]":
    from pointsman.client import Client
    from pointsman.probing import ask_all, asked_again, earlier_answers

    with progress("reading earlier answers") as tell:
        earlier = earlier_answers(settings, plan.tenant)
        with Client(settings) as client:
            return ask_all(client, plan, probes, asked_again(earlier) if again else earlier, tell)


def _show(study: _Study, judged: "Sequence[Judged]", published: list[str], output: Output) -> None:
    from pointsman.probe_report import ALL, COLUMNS, by_type, details, shown

    rows = by_type(judged)
    found: list[dict[str, Any]] = [
        {"ability": one.name, "catalog": one.before, "after_probes": one.after, "evidence": one.evidence}
        for one in study.abilities
    ]
    if output is not Output.TABLE:
        emit_object(
            {
                "model": study.model.id,
                "tenant": study.tenant.name,
                "all": next(row for row in rows if row["type"] == ALL),
                "types": [row for row in rows if row["type"] != ALL],
                "abilities": found,
                "probes": details(judged),
                "published": published,
            },
            output,
        )
        return
    emit_rows(map(shown, rows), output, COLUMNS, title=f"{study.model.id}, asked by {study.tenant.name}")
    if found:
        emit_rows(found, output, _ABILITY_COLUMNS, title=f"abilities of {study.model.id} for {study.tenant.name}")
    unanswered = [one for one in judged if one.passed is None]
    for reason in sorted({one.reason for one in unanswered}):
        note(f"{sum(1 for one in unanswered if one.reason == reason)} without an answer: {reason}")
    earlier = sum(1 for one in judged if one.earlier)
    if earlier:
        note(f"{earlier} answers were in the log already, and cost nothing now; --again asks anew")
