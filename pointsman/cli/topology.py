from datetime import timedelta
from typing import TYPE_CHECKING, Any

import typer

from pointsman.cli.output import Output, OutputOption, emit_rows

if TYPE_CHECKING:
    from schemas.topics import Topic


def register(app: typer.Typer) -> None:
    """Add `topology`."""
    app.command("topology")(topology)


def topology(output: OutputOption = Output.TABLE) -> None:
    """Show the flow, every topic with its key, retention, writer and readers, and every event type. Needs no Kafka."""
    from pointsman.diagram import FLOW
    from schemas.topics import TOPICS

    if output is Output.TABLE:
        print(f"{FLOW}\n")
    emit_rows(
        (_row(topic) for topic in TOPICS),
        output,
        ("topic", "partitions", "key", "kept", "written_by", "read_by", "validated_by"),
    )


def _row(topic: "Topic") -> dict[str, Any]:
    from schemas.topics import TENANT_PARTITIONS
    from streams.topology import STAGES

    return {
        "topic": topic.name,
        "partitions": topic.partitions or TENANT_PARTITIONS,
        "key": topic.key,
        "kept": _kept(topic.retention) + (" (newest per key)" if topic.compacted else ""),
        "written_by": topic.writer,
        "read_by": [stage.name for stage in STAGES if topic.name in (*stage.reads, *stage.follows)],
        "validated_by": None if topic.validated_by == "none" else topic.validated_by,
        "dead_letters": None if topic.validated_by == "none" else topic.dead_letters,
        "events": [event.TYPE for event in topic.events],
    }


def _kept(retention: timedelta | None) -> str:
    if retention is None:
        return "for ever"
    hours = int(retention.total_seconds() // 3600)
    return f"{hours} h" if hours < 48 else f"{hours // 24} days"
