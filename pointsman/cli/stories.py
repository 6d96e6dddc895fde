"""Requests and decisions of the log by their id, for commands."""

from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.cli.context import connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.output import progress

if TYPE_CHECKING:
    from pointsman.past_case import PastCase
    from pointsman.story import Story
    from streams.settings import Settings


def story_of(settings: "Settings", id_: str, tenant: str | None) -> "Story":
    """Return the story of a request or decision id; raise `CliError` (status 3) where the log has none."""
    from pointsman.log_reader import LogReader
    from pointsman.story import find
    from pointsman.story_index import locate

    with LogReader(settings) as reader, progress("looking it up") as tell:
        story = find(reader, id_, tenant, tell, locate(settings, id_))
    if story is None:
        raise CliError(
            f"no request or decision {id_} in the log" + (f" of tenant {tenant}" if tenant else ""),
            "pointsman tail decisions --from beginning --exit",
            ExitCode.NOT_FOUND,
        )
    return story


def past_of(run_dir: Path, id_: str, tenant: str | None) -> "PastCase":
    """Return a decision of the log by the id of its request or its own, with what it read."""
    from pointsman.past_case import past_case

    settings = connect(run_dir)
    story = story_of(settings, id_, tenant)
    with progress("reading the configuration of that moment"):
        return past_case(settings, story, id_)
