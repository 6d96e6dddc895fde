"""Changes of one tenant's document: read the newest, change it, check it, publish the next version, wait for it."""

from typing import TYPE_CHECKING, Any

from pointsman.cli.config import publish_and_wait
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.output import note

if TYPE_CHECKING:
    from pointsman.config_store import Store
    from schemas.control_tenant import TenantDocument
    from streams.settings import Settings

NONE = "none"
"""Value of an option that takes something away."""


class TenantEdit:
    """One change: ``document`` is the newest version as it was read."""

    def __init__(self, settings: "Settings", tenant: str) -> None:
        from pointsman.config_store import read_store
        from schemas.control_tenant import TenantDocument

        self._settings = settings
        self.store: Store = read_store(settings)
        found = self.store.document("tenant", tenant)
        if not isinstance(found, TenantDocument):
            raise CliError(
                f"no tenant {tenant}", f"create it: pointsman budget set {tenant} --new ...", ExitCode.NOT_FOUND
            )
        self.document: TenantDocument = found

    def publish(self, changes: dict[str, Any], comment: str, timeout: float, *, dry_run: bool = False) -> str:
        """Publish the document with ``changes`` (fields as in a file) and return its key; raise on any new fault."""
        from schemas.control_tenant import TenantDocument

        before = self.document
        version = self.store.next_version("tenant", before.name)
        values = {**before.model_dump(mode="json", exclude_unset=True), **changes, "version": version}
        changed = TenantDocument.model_validate(values)
        self._refuse_faults(changed)
        if dry_run:
            note("not published")
            return changed.document_key
        publish_and_wait(self._settings, [changed], comment, timeout)
        self._refuse_overtaken(changed)
        return changed.document_key

    def _refuse_faults(self, changed: "TenantDocument") -> None:
        from routing.config_check import check_documents

        others = {event.key: event.document for event in self.store.current.values()}
        known = {(fault.place, fault.message) for fault in check_documents(others)}
        found = [
            fault
            for fault in check_documents({**others, changed.document_key: changed})
            if fault.document == changed.document_key and (fault.place, fault.message) not in known
        ]
        for fault in found:
            note(f"warning: {fault}" if fault.warning else str(fault))
        wrong = [fault for fault in found if not fault.warning]
        if wrong:
            raise CliError(f"nothing published: {wrong[0].message}", "pointsman models", ExitCode.USAGE)

    def _refuse_overtaken(self, changed: "TenantDocument") -> None:
        """The first document of a version counts: say so when somebody else was faster."""
        from pointsman.config_store import read_store

        event = read_store(self._settings).published.get(changed.document_key)
        if event is None or event.document != changed:
            raise CliError(
                f"somebody else published {changed.document_key} at the same moment, and the first counts",
                "run the command again",
            )


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given; ``none`` (alone in a list) takes the value away."""
    kept = {name: value for name, value in values.items() if value not in (None, [])}
    return {name: _value(value) for name, value in kept.items()}


def _value(value: Any) -> Any:
    if value == NONE:
        return None
    return [] if value == [NONE] else value


def merged(before: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return ``before`` with ``changes``; None takes a field away."""
    return {name: value for name, value in {**before, **changes}.items() if value is not None}
