from deploy.shipped_config import config_event
from pointsman.config_store import Store, content, differences, plan
from schemas.control_tenant import Budget, TenantDocument
from tests.unit.schemas.samples import NOON


def tenant(version: int, daily: str = "5") -> TenantDocument:
    return TenantDocument(name="acme", version=version, budget=Budget.model_validate({"daily": daily}))


def store(*documents: TenantDocument) -> Store:
    result = Store()
    for document in documents:
        event = config_event(document, NOON)
        result.published[event.key] = event
        result.current["tenant/acme"] = event
    return result


def test_a_document_that_is_there_is_not_published_again() -> None:
    """Applying the same files twice changes nothing (X1)."""
    assert [change.action for change in plan(store(tenant(1)), [tenant(1)], bump=False)] == ["unchanged"]


def test_a_higher_version_replaces() -> None:
    """A new name is new, a higher version is a change (X1)."""
    assert plan(Store(), [tenant(1)], bump=False)[0].action == "new"
    assert plan(store(tenant(1)), [tenant(2, "7")], bump=False)[0].action == "changed"


def test_versions_never_change() -> None:
    """Other content under a version that was published is refused, as is a step back (X1)."""
    assert plan(store(tenant(1)), [tenant(1, "7")], bump=False)[0].action == "conflict"
    assert plan(store(tenant(1), tenant(2, "7")), [tenant(1)], bump=False)[0].action == "conflict"


def test_bump_gives_the_next_version() -> None:
    """--bump publishes changed content, or old content again, under the next version (X1)."""
    change = plan(store(tenant(1), tenant(2, "7")), [tenant(1)], bump=True)[0]
    assert (change.action, change.document.version) == ("changed", 3)


def test_differences_name_the_field() -> None:
    """A diff names each field that differs, with both values (X1)."""
    found = differences(content(tenant(1)), content(tenant(2, "7")))
    assert found == [("budget.daily", '"5.000000000000"', '"7.000000000000"')]


def test_an_insertion_is_one_difference() -> None:
    """Items of a list are compared by their id or name: a new first item does not change all others."""
    before = {"models": [{"id": "a", "x": 1}, {"id": "b", "x": 2}]}
    after = {"models": [{"id": "new", "x": 0}, {"id": "a", "x": 1}, {"id": "b", "x": 3}]}
    assert [path for path, _, _ in differences(before, after)] == ["models.b.x", "models.new"]
