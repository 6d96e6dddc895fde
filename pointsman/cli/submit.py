import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.events import completion, emit_json
from pointsman.cli.output import Output, OutputOption, note, progress

if TYPE_CHECKING:
    from pointsman.client import Client, Receipt

TenantOption = Annotated[str, typer.Option("--tenant", "-t", envvar="POINTSMAN_TENANT", help="Tenant.")]
UserOption = Annotated[str | None, typer.Option("--user", "-u", envvar="POINTSMAN_USER", help="User.")]
DEFAULT_TENANT = "atelier"


def register(app: typer.Typer) -> None:
    """Add `submit`."""
    app.command("submit")(submit)


def submit(
    prompt: Annotated[str | None, typer.Argument(help="The prompt; - or nothing reads it from stdin.")] = None,
    tenant: TenantOption = DEFAULT_TENANT,
    user: UserOption = None,
    model: Annotated[str, typer.Option(help="auto, a model, an alias, or a pool such as maker/*:floor.")] = "auto",
    mode: Annotated[
        str | None, typer.Option(help="Copilot mode, e.g. research_analyst.", autocompletion=completion("CopilotMode"))
    ] = None,
    job_type: Annotated[
        str | None, typer.Option(help="Job type, e.g. llm.premium.", autocompletion=completion("JobType"))
    ] = None,
    space: Annotated[str | None, typer.Option(help="Space.")] = None,
    space_type: Annotated[
        str | None, typer.Option(help="coding, writing, research or general.", autocompletion=completion("SpaceType"))
    ] = None,
    area: Annotated[str | None, typer.Option(help="Area of the space.")] = None,
    plan: Annotated[str | None, typer.Option(help="A narrower plan of the tenant's.")] = None,
    conversation: Annotated[str | None, typer.Option(help="Conversation id.")] = None,
    automated: Annotated[bool, typer.Option("--automated", help="No person looks: stricter quality.")] = False,
    background: Annotated[bool, typer.Option("--background", help="Nobody waits: cheap before fast.")] = False,
    sensitive: Annotated[bool, typer.Option("--sensitive", help="Sensitive data: approved models only.")] = False,
    max_cost: Annotated[str | None, typer.Option(help="At most this many dollars.")] = None,
    min_quality: Annotated[float | None, typer.Option(min=0, max=100, help="At least this quality.")] = None,
    max_latency_ms: Annotated[int | None, typer.Option(min=1, help="At most this latency.")] = None,
    max_output_tokens: Annotated[int | None, typer.Option(min=1, help="At most this many tokens of answer.")] = None,
    request_id: Annotated[str | None, typer.Option(help="Your own id; repeating it runs nothing twice.")] = None,
    route_only: Annotated[bool, typer.Option("--route-only", help="Decide only; call no provider.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait for the result.")] = True,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait.")] = 120.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the answer alone.")] = False,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Publish one request; show why its model was chosen, then the answer. Exit status 1 when it ends without one."""
    constraints = {"max_cost": max_cost, "min_quality": min_quality, "max_latency_ms": max_latency_ms}
    fields: dict[str, Any] = {
        "prompt": _read_prompt(prompt),
        "user": user,
        "model": model,
        "mode": mode,
        "job_type": job_type,
        "space": space,
        "space_type": space_type,
        "area": area,
        "plan": plan,
        "conversation_id": conversation,
        "automation": "automated" if automated else "human_in_loop",
        "latency_class": "background" if background else "interactive",
        "sensitive": sensitive,
        "max_output_tokens": max_output_tokens,
        "execute": not route_only,
        "constraints": {name: value for name, value in constraints.items() if value is not None},
        **({"request_id": request_id} if request_id else {}),
    }
    from pointsman.client import Client

    with Client(connect(run_dir)) as client:
        receipt = client.submit(tenant=tenant, **fields)
        if not wait:
            _show_receipt(receipt, output)
            return
        _follow(client, receipt, timeout, output, quiet=quiet)


def _read_prompt(prompt: str | None) -> str:
    if prompt is not None and prompt != "-":
        return prompt
    if prompt is None and sys.stdin.isatty():
        raise CliError("no prompt", 'pointsman submit "your question", or pipe it in', ExitCode.USAGE)
    text = sys.stdin.read()
    if not text.strip():
        raise CliError("the prompt on stdin is empty", 'pointsman submit "your question"', ExitCode.USAGE)
    return text


def _show_receipt(receipt: "Receipt", output: Output) -> None:
    if output is Output.TABLE:
        place = f"requests[{receipt.partition}]@{receipt.offset}"
        note(f"accepted at {place}. Next: pointsman explain {receipt.request_id}")
        print(receipt.request_id)
    else:
        emit_json(
            {
                "tenant": receipt.tenant,
                "request_id": receipt.request_id,
                "partition": receipt.partition,
                "offset": receipt.offset,
            },
            output,
        )


def _follow(client: "Client", receipt: "Receipt", timeout: float, output: Output, *, quiet: bool) -> None:
    from pointsman.lines import decision_line, result_line
    from schemas.decision import DecisionMade, RequestRefused
    from schemas.result import FinalResult

    with progress("waiting for the decision") as tell:
        decision = client.decision(receipt, timeout)
        known = isinstance(decision, DecisionMade | RequestRefused)
        if known and output is Output.JSONL:
            emit_json(decision, output)
        if isinstance(decision, DecisionMade) and decision.execute:
            tell(f"waiting for {decision.model}")
        answer = client.result(receipt, timeout)
    if output is Output.JSONL:
        emit_json(answer, output)
    elif output is Output.JSON:
        emit_json({"decision": decision if known else None, "result": answer}, output)
    else:
        content = answer.content if isinstance(answer, FinalResult) else None
        if isinstance(decision, DecisionMade | RequestRefused) and not quiet:
            print(decision_line(decision))
        if content is not None:
            print(content if quiet else f"\n{content}\n")
        if not quiet:
            note(f"{result_line(answer)}. Next: pointsman explain {receipt.request_id}")
    if answer.status not in {"completed", "routed"}:
        raise typer.Exit(ExitCode.ERROR)
