"""``python -m tests.success [--quick]``: measure the success numbers; write docs/success.md and confidence.md."""

import argparse
import time
from pathlib import Path
from typing import Final, TypeVar

from tests.success import confidence_page, match, overrides, paraphrases, public, regret, saving, speed
from tests.success.overrides import Overrides, People
from tests.success.page import document
from tests.success.page_choices import PICTURE, drawing
from tests.success.page_choices import part as choices_part
from tests.success.page_needs import likeness_part, match_part, override_part
from tests.success.page_rest import public_part, saving_part, speed_part
from tests.success.population import Prompt, held_out, sample
from tests.success.report import Part
from tests.success.size import FULL, QUICK, Size
from tests.success.world import ROUTERS, shipped_router

REPORT: Final = Path(__file__).parents[2] / "docs" / "success.md"
_STARTED: Final = time.monotonic()
_T = TypeVar("_T")


def main() -> None:
    """Measure everything and write the page with its drawing."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="few prompts and requests; figures are rough")
    options.add_argument("--public", type=Path, help="what `pointsman evaluate router ... --output json` printed")
    options.add_argument("--probes", type=Path, help="probes of vLLM semantic-router, JSON lines")
    options.add_argument("--report", type=Path, default=REPORT)
    chosen = options.parse_args()
    size = QUICK if chosen.quick else FULL
    prompts = sample(held_out(), size.prompts) if size.prompts else held_out()
    parts = [
        saving_part([_told(f"N2 {book}", saving.measure(book, prompts)) for book in saving.BOOKS]),
        _match(prompts, chosen.probes),
    ]
    found = [_told(f"N4 {name}", regret.measure(shipped_router(name), prompts, size)) for name in ROUTERS]
    parts += [
        choices_part(found, prompts, size.runs),
        override_part(_overrides(prompts, size), size.override_requests, size.users),
        public_part(None if chosen.public is None else public.read(chosen.public)),
        _likeness(),
        speed_part(speed.measure(size.timed), size.timed),
    ]
    picture = chosen.report.parent / PICTURE
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_text(drawing(found), encoding="utf-8")
    given = [f"--{name} FILE" for name in ("public", "probes") if getattr(chosen, name) is not None]
    chosen.report.write_text(document(parts, len(prompts), given), encoding="utf-8")
    confidence_page.write(held_out(), chosen.report.parent / confidence_page.PAGE.name)
    print(f"written to {chosen.report}")


def _told(what: str, value: _T) -> _T:
    print(f"{time.monotonic() - _STARTED:6.0f} s  {what}", flush=True)
    return value


def _match(prompts: tuple[Prompt, ...], probes: Path | None) -> Part:
    routers = [shipped_router(name) for name in ROUTERS]
    found = {
        each.name: [*(match.labelled(each, prompts, what) for what in match.WITH), match.jobs(each)] for each in routers
    }
    of_others = None if probes is None else {each.name: match.probes(each, probes) for each in routers}
    return _told("N3", match_part(found, of_others))


def _overrides(prompts: tuple[Prompt, ...], size: Size) -> list[Overrides]:
    asked = [(name, People(5)) for name in ROUTERS]
    asked += [("default", People(2)), ("default", People(10)), ("learned", People(2)), ("learned", People(10))]
    asked += [("default", People(5, taste=5)), ("learned", People(5, taste=5))]
    return [
        _told(
            f"N6 {name} {people}",
            overrides.measure(shipped_router(name), prompts, people, size, learning=learning),
        )
        for name, people in asked
        for learning in (False, True)
    ]


def _likeness() -> Part:
    listed = paraphrases.groups()
    found = [paraphrases.measure(router, listed) for router in paraphrases.variants()]
    return _told("N12", likeness_part(found, len(listed)))


if __name__ == "__main__":
    main()
