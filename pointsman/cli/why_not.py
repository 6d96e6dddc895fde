"""What `explain --why-not` prints."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.events import emit_json, jsonable
from pointsman.cli.output import Output, note, print_labelled

if TYPE_CHECKING:
    from routing.changes import Change
    from routing.counterfactual import Case

_MONEY = frozenset({"max_cost", "daily", "monthly", "per_request"})


def show_why_not(case: "Case", model: str, output: Output, notes: Sequence[str] = ()) -> None:
    """Print why `case` did not choose `model`, and what would have."""
    from routing.why_not import UnknownModelError, lines, why_not

    try:
        answer = why_not(case, model)
    except UnknownModelError as error:
        raise CliError(str(error), "pointsman models", ExitCode.NOT_FOUND) from error
    for line in notes:
        note(line)
    if output is Output.TABLE:
        print_labelled(lines(answer))
        return
    document = jsonable(answer)
    document["changes"] = [_change(change) for change in answer.changes]
    document["pair"] = None if answer.pair is None else _change(answer.pair)
    emit_json({**document, "request_id": case.facts.request_id, "notes": list(notes)}, output)


def _change(change: "Change") -> dict[str, Any]:
    """Return a change as JSON; money as dollars, as in the documents."""
    from schemas.money import format_usd

    def value(path: tuple[str, ...], part: Any) -> Any:
        is_money = bool(path) and path[-1] in _MONEY and isinstance(part, int)
        return format_usd(part) if is_money else jsonable(part)

    edits = [
        {
            "where": edit.where,
            "path": ".".join(edit.path),
            "before": value(edit.path, edit.before),
            "after": value(edit.path, edit.after),
        }
        for edit in change.edits
    ]
    return {"kind": change.kind, "words": change.words, "verified": change.verified, "edits": edits}
