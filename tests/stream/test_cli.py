import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from pointsman.story_index import locate
from schemas import topics
from schemas.partition import partition_for
from streams.local_kafka import LocalKafka
from tests.installation import Installation, installed
from tests.waiting import eventually


@pytest.fixture(scope="module")
def here(kafka: LocalKafka, tmp_path_factory: pytest.TempPathFactory) -> Generator[Installation]:
    """All stages on the shared broker."""
    with installed(kafka, tmp_path_factory.mktemp("cli")) as installation:
        yield installation


def submitted(here: Installation, *arguments: str) -> str:
    """Submit, wait, and return the request id."""
    return str(here.json("submit", *arguments)["result"]["request_id"])


def test_submit_says_because_and_answers(here: Installation) -> None:
    """submit prints why the model was chosen, then the answer; what is not data goes to stderr (D3, R17)."""
    done = here.run("submit", "What is the capital of Uruguay?", "--user", "ann")
    first, _, answer = done.stdout.partition("\n")
    assert " because " in first
    assert "[simulated]" in answer
    assert "completed" in done.stderr
    assert "pointsman explain" in done.stderr


def test_submit_reads_stdin_and_can_be_quiet(here: Installation) -> None:
    """A prompt can be piped in, and --quiet prints the answer alone (D3)."""
    done = here.run("submit", "--quiet", text="Name a prime above one hundred.\n")
    assert done.stdout.startswith("[simulated]")
    assert " -> " not in done.stdout


def test_route_only_calls_nobody(here: Installation) -> None:
    """--route-only decides without a hold and without a provider call (F1, P11)."""
    answer = here.json("submit", "Plan a conference for 300 guests", "--route-only")
    assert answer["result"]["status"] == "routed"
    assert "hold" not in answer["decision"]
    story = here.json("explain", answer["result"]["request_id"])
    assert {event["topic"] for event in story["events"]} == {
        topics.REQUESTS,
        topics.CLASSIFICATIONS,
        topics.DECISIONS,
        topics.RESULTS,
        topics.TECHNICAL_OUTCOMES,
    }


def test_a_repeated_request_runs_nothing_twice(here: Installation) -> None:
    """The same id with the same content is told apart from a new request, and names the first (promise 1)."""
    here.run("submit", "Say hello once", "--request-id", "hello-1")
    again = here.run("submit", "Say hello once", "--request-id", "hello-1", status=1)
    assert "accepted before" in again.stderr
    other = here.run("submit", "Say something else", "--request-id", "hello-1", status=1)
    assert "other content" in other.stderr


def test_a_refusal_has_a_reason_and_a_status(here: Installation) -> None:
    """What does not fit a cap is refused with its reason, exit status 1 (B2)."""
    done = here.run(
        "submit", "An essay", "--tenant", "lantern", "--model", "opus", "--max-output-tokens", "8000", status=1
    )
    assert "refused (budget_request) because" in done.stdout


def test_an_unknown_tenant_is_refused_by_name(here: Installation) -> None:
    """A tenant without a document is refused, not served by guess."""
    answer = here.json("submit", "Hello", "--tenant", "nobody-knows", status=1)
    assert answer["decision"]["code"] == "unknown_tenant"


def test_wrong_fields_are_explained_before_anything_is_published(here: Installation) -> None:
    """A value out of range is a usage error that names the field, exit status 2."""
    done = here.run("submit", "Hello", "--mode", "unheard_of", status=2)
    assert "mode" in done.stderr


def test_explain_tells_the_whole_story(here: Installation) -> None:
    """explain shows candidates, money, calls and result by request id and by decision id (R17, D3)."""
    request = submitted(here, "Write a Python function that merges date ranges", "--user", "ann")
    told = here.run("explain", request).stdout
    for word in ("because", "candidates", "hold", "money", "settled", "calls", "finished", "result", "budget"):
        assert word in told
    assert "merges date ranges" not in told
    assert "merges date ranges" in here.run("explain", request, "--content").stdout
    story = here.json("explain", request)
    assert story["status"] == "completed"
    assert story["decision"]["reason"] == story["because"]
    assert here.json("explain", story["decision"]["id"], "--tenant", "atelier")["request_id"] == request
    lines = here.run("explain", request, "--output", "jsonl").stdout.splitlines()
    assert len(lines) == len(story["events"])


def test_explain_uses_clickhouse_as_an_index_and_does_without_it(here: Installation) -> None:
    """ClickHouse says where a decision lies; without its door the log is searched, with the same story (D3)."""
    request = submitted(here, "What is a breakwater?")
    eventually(lambda: locate(here.settings, request) is not None, "the decision in ClickHouse")
    place = locate(here.settings, request)
    assert place is not None
    with_index = here.json("explain", request)
    assert place.offset in [event["offset"] for event in with_index["events"] if event["topic"] == topics.DECISIONS]
    nowhere = here.settings.model_copy(update={"run_dir": here.settings.run_dir / "nowhere"})
    assert locate(nowhere, request) is None
    assert Installation(nowhere).json("explain", request) == with_index


def test_explain_of_nothing_is_not_found(here: Installation) -> None:
    """An id that is nowhere in the log is exit status 3, with the next command."""
    assert "next:" in here.run("explain", "no-such-id", status=3).stderr


def test_why_not_proves_what_would_have_chosen_the_model(here: Installation) -> None:
    """explain --why-not rebuilds a decision from the log, and proves each change it lists (R23)."""
    request = submitted(here, "Fix the crash in the importer", "--user", "bo")
    answer = here.json("explain", request, "--why-not", "opus")
    decision = here.json("explain", request)["decision"]
    assert (answer["model"], answer["verdict"], answer["chosen"]) == ("claude-opus-4.5", "outscored", decision["model"])
    assert answer["notes"] == []
    assert {gap["term"] for gap in answer["gaps"]} == {"capability", "cost", "quality", "latency", "history", "boosts"}
    assert [change["verified"] for change in answer["changes"]] == [True] * len(answer["changes"])
    assert answer["changes"][0]["edits"] == [
        {"where": "request", "path": "model", "before": "auto", "after": "claude-opus-4.5"}
    ]
    followed = here.json("submit", "Fix the crash in the importer", "--user", "bo", "--model", "opus")
    assert followed["decision"]["model"] == "claude-opus-4.5"
    told = here.run("explain", decision["id"], "--why-not", decision["model"]).stdout
    assert "it was chosen, because" in told
    assert here.run("explain", request, "--why-not", "no-such-model", status=3).stderr.count("pointsman models") == 1


def test_why_not_of_a_refusal_says_what_would_have_let_it_through(here: Installation) -> None:
    """A refused request is explained with the limit that suffices: raised to it, the request goes through (R23)."""
    refused = here.json("submit", "Plan a garden", "--model", "opus", "--max-cost", "0.0001", status=1)
    answer = here.json("explain", refused["result"]["request_id"], "--why-not", "opus")
    assert (answer["refusal"], [bar["rule"] for bar in answer["bars"]]) == ("constraint_cost", ["max_cost"])
    change = next(change for change in answer["changes"] if change["kind"] == "max_cost")
    limit = change["edits"][0]["after"]
    again = here.json("submit", "Plan a garden", "--model", "opus", "--max-cost", limit)
    assert again["result"]["status"] == "completed"


def test_why_not_of_a_prompt_nobody_sent(here: Installation) -> None:
    """Without an id, --prompt is decided by the published configuration; one of both is needed (R23)."""
    told = here.run("explain", "--prompt", "Fix the crash", "--why-not", "opus").stdout
    assert "would do" in told
    bars = here.json("explain", "--prompt", "Hi", "--why-not", "o3", "--tenant", "vault")["bars"]
    assert [bar["rule"] for bar in bars] == ["not_approved"]
    here.run("explain", "--prompt", "Fix the crash", status=2)
    here.run("explain", "--prompt", "Fix the crash", "--why-not", "opus", "--tenant", "nobody-knows", status=3)


def test_rules_trace_shows_the_layers(here: Installation) -> None:
    """rules trace shows each layer, of a request of the log or of one that nobody sent, and which rule decided (R4)."""
    request = submitted(here, "What is new?", "--space", "backend", "--area", "release-notes")
    of_log = here.json("rules", "trace", request)
    assert (of_log["decided_by"], of_log["model"]) == ("area lock", "claude-haiku-4.5")
    assert {item["name"]: item["source"] for item in of_log["inherited"]}[
        "space type"
    ] == "tenant/atelier@1 spaces.backend"
    told = here.run("rules", "trace", "--prompt", "Fix the bug", "--tenant", "meadow", "--space", "code").stdout
    assert "space-coding decides: locks to claude-sonnet-4" in told
    assert "space-writing fails: space_type is to be writing, the request has coding" in told
    here.run("rules", "trace", request, "--prompt", "Fix the bug", status=2)


def test_tail_formats_like_kcat(here: Installation) -> None:
    """tail reads topics without a group, formats as kcat does, ends at the limit or at the end (D3)."""
    request = submitted(here, "Hello there")
    lines = here.run(
        "tail", "decisions", "--from", "beginning", "--exit", "-f", "%k %h{ce_subject} %s"
    ).stdout.splitlines()
    mine = next(line for line in lines if request in line)
    tenant, subject, value = mine.split(" ", 2)
    assert (tenant, subject) == ("atelier", request)
    assert json.loads(value)["request_id"] == request
    limited = here.run(
        "tail", "decisions", "results", "--from", "beginning", "--limit", "2", "--output", "jsonl"
    ).stdout
    assert [json.loads(line)["topic"] for line in limited.splitlines()]
    assert len(limited.splitlines()) == 2
    assert "because" in here.run("tail", "decisions", "--from", "10m", "--exit").stdout


def test_tail_of_an_unknown_topic_says_what_to_do(here: Installation) -> None:
    """A topic that does not exist is an error with its name and the next command."""
    assert "no-such-topic" in here.run("tail", "no-such-topic", "--exit", status=5).stderr


def test_an_override_holds_for_its_conversation(here: Installation) -> None:
    """override of a conversation: its next request goes to the model named, and says so (U1)."""
    done = here.run("override", "kimi-k3.1-pro", "--conversation", "c-9", "--tenant", "atelier", "--user", "ann")
    assert done.stdout.startswith("applied")
    answer = here.json("submit", "And now?", "--conversation", "c-9", "--user", "ann")
    assert answer["decision"]["model"] == "kimi-k3.1-pro"
    assert answer["decision"]["forced_by"] is not None
    here.run("override", "auto", "--conversation", "c-9", "--tenant", "atelier")
    assert here.json("submit", "And now again?", "--conversation", "c-9")["decision"].get("forced_by") is None


def test_overrides_that_cannot_be_followed(here: Installation) -> None:
    """An override of an answered request is too late, one to an unknown model is rejected; exit status 1 (U1)."""
    request = submitted(here, "Good morning")
    assert "too late" in here.run("override", "opus", "--request", request, status=1).stdout
    unknown = here.run("override", "no-such-model", "--conversation", "c-1", "--tenant", "atelier", status=1)
    assert "rejected" in unknown.stdout
    assert "one of" in here.run("override", "opus", status=2).stderr


def test_a_rating_reaches_the_log_with_what_feedback_needs(here: Installation) -> None:
    """rate finds tenant, model and task of the request and publishes one outcome (U2)."""
    request = submitted(here, "How does a heat pump work?", "--user", "ben")
    rated = here.json("rate", request, "0.75")
    story = here.json("explain", request)
    outcome = next(event["event"] for event in story["events"] if event["topic"] == topics.OUTCOMES)
    assert outcome["id"] == rated["id"]
    assert (outcome["user"], outcome["rating"]) == ("ben", 0.75)
    assert outcome["model"] == story["result"]["model"]
    assert outcome["task_type"] == story["decision"]["task_type"]


def test_preferences_are_shown_and_forgotten(here: Installation) -> None:
    """What a user's overrides and ratings led to is shown per level; a reset holds when the command returns (R7)."""
    person = ("--tenant", "atelier", "--user", "vera")
    for number in range(3):
        here.run("override", "kimi-k3.1-pro", "--conversation", f"v-{number}", *person)
    request = submitted(here, "Name three rivers.", "--space", "press", "--user", "vera")
    here.run("rate", request, "1")

    def shown(*arguments: str) -> list[dict[str, Any]]:
        return [row for row in here.json("preferences", "show", *arguments) if row["model"] == "kimi-k3.1-pro"]

    row = eventually(lambda: [row for row in shown(*person) if row["score"] > 0.5], "the overrides are learned from")[0]
    assert row["moved_by"]["overrides_to"] == 3
    assert row["levels"]["user"]["says"] > 0.9
    assert "chosen by hand" in here.run("preferences", "show", *person).stdout
    eventually(lambda: here.json("preferences", "show", "--space", "press"), "the rating counts in its space")
    told = here.run("explain", submitted(here, "Name three lakes.", "--space", "press", "--user", "vera")).stdout
    assert "user 1.00" in told
    forgotten = here.json("preferences", "reset", *person)
    assert forgotten["user"] == "vera"
    assert [row for row in shown(*person) if row["moved_by"]["level"] == "user"] == []


def test_budget_set_holds_when_it_returns(here: Installation) -> None:
    """budget set publishes the next version and returns when every partition decides by it (B1, X1)."""
    set_ = here.json("budget", "set", "vault", "--daily", "0.000001")
    assert set_[0]["document"] == "tenant/vault@2"
    answer = here.json("submit", "What is a notice period?", "--tenant", "vault", status=1)
    assert answer["decision"]["code"] == "budget_day"
    here.run("budget", "set", "vault", "--daily", "15")
    assert here.json("submit", "What is a lease?", "--tenant", "vault")["result"]["status"] == "completed"
    day = next(row for row in here.json("budget", "show", "vault") if row["window"] == "day")
    assert day["cap"] == "15.000000000000"
    assert float(day["spent"]) > 0
    assert float(day["held"]) == 0


def test_budget_of_an_unknown_tenant(here: Installation) -> None:
    """A tenant that is not there is not found; --new creates it (B1)."""
    here.run("budget", "set", "newcomer", "--daily", "1", status=3)
    here.run("budget", "set", "newcomer", "--daily", "1", "--new")
    assert here.json("submit", "Hello", "--tenant", "newcomer")["result"]["status"] == "completed"


def test_config_apply_show_and_diff(here: Installation, tmp_path: Path) -> None:
    """config apply publishes valid documents once, versions never change, show and diff tell what holds (X1)."""
    file = tmp_path / "tenant.yaml"
    file.write_text("kind: tenant\nname: bakery\npolicy: default\nbudget: {daily: 2}\n")
    assert here.json("config", "apply", str(file))[0]["action"] == "new"
    assert here.json("config", "apply", str(file))[0]["action"] == "unchanged"
    here.run("config", "diff", str(file))
    file.write_text("kind: tenant\nname: bakery\npolicy: default\nbudget: {daily: 3}\n")
    assert [row["field"] for row in here.json("config", "diff", str(file), status=6)] == ["budget.daily"]
    assert "--bump" in here.run("config", "apply", str(file), status=1).stderr
    assert here.json("config", "apply", str(file), "--bump")[0]["document"] == "tenant/bakery@2"
    assert "daily: '3.000000000000'" in here.run("config", "show", "tenant/bakery").stdout
    assert here.json("config", "show", "tenant/bakery@1")["version"] == 1
    here.run("config", "show", "tenant/none", status=3)


def test_config_with_faults_publishes_nothing(here: Installation, tmp_path: Path) -> None:
    """Faults are all named with file and line, and nothing is published (X1)."""
    file = tmp_path / "bad.yaml"
    file.write_text(
        "kind: tenant\nname: brewery\nbudget: {daily: -1}\n---\nkind: tenant\nname: mill\npolicy: nowhere\n"
    )
    assert f"{file}:3: " in here.run("config", "validate", str(file), status=6).stdout
    done = here.run("config", "apply", str(file), status=1)
    assert f"{file}:3: budget.daily" in done.stderr
    assert "tenant/mill" not in here.run("config", "show", "tenant").stdout


def test_config_from_the_environment(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """ROUTING_* variables are read once, by config apply, and become documents of a tenant (X1)."""
    monkeypatch.setenv("ROUTING_DAILY_BUDGET", "7.5")
    monkeypatch.setenv("ROUTING_FALLBACK_ENABLED", "false")
    monkeypatch.setenv("ROUTING_MAX_RETRIES", "3")
    done = here.run("config", "apply", "--from-env", "foundry")
    assert "ROUTING_MAX_RETRIES has no effect" in done.stderr
    assert "tenant/foundry@2" in done.stdout
    answer = here.json("submit", "Hello", "--tenant", "foundry", "--route-only")
    assert answer["decision"]["policy"] == "foundry-env@1"
    assert len(answer["decision"]["chain"]) == 1
    again = here.json("config", "apply", "--from-env", "foundry")
    assert {row["action"] for row in again} == {"unchanged"}


def test_a_predictor_is_published_and_asked(here: Installation, tmp_path: Path) -> None:
    """A trained predictor goes into the log in parts; requests of its router carry its predictions (R16)."""
    matrix, artefact, names = tmp_path / "m.jsonl", tmp_path / "q.json", tmp_path / "names.yaml"
    rows = [
        {"prompt": f"{'sort the list' if number % 2 else 'a poem of the sea'} {number}", "scores": scores}
        for number in range(60)
        for scores in [{"one": float(number % 2), "two": float(number % 2 == 0), "three": 0.5}]
    ]
    matrix.write_text("".join(json.dumps(row) + "\n" for row in rows))
    here.run("evaluate", "router", str(matrix), "--splits", "1", "--save", str(artefact))
    assert (
        "does not know one, three, two"
        in here.run("predictor", "publish", str(artefact), "--name", "own", status=2).stderr
    )
    one, two = (row["model"] for row in here.json("models")[:2])
    names.write_text(f"one: {one}\ntwo: {two}\nthree: null\n")
    publish = ("predictor", "publish", str(artefact), "--name", "own", "--models", str(names))
    assert here.json(*publish)[-1]["document"] == "predictor/own@1"
    assert here.json(*publish) == []
    file = tmp_path / "router.yaml"
    file.write_text(
        "kind: policy\nname: taught\npredictor: {name: own}\n---\nkind: tenant\nname: poets\npolicy: taught\n"
    )
    here.run("config", "apply", str(file))
    [row] = here.json("predictor", "show")
    assert (row["state"], row["used_by"], row["models"]) == ("ok", ["taught"], 2)
    expected = {row["model"]: row["expected_quality"] for row in here.json("predictor", "show", "own", "--prompt", "x")}
    assert set(expected) == {one, two}
    answer = here.json("submit", "a poem of the moon", "--tenant", "poets", "--route-only")
    story = here.json("explain", answer["result"]["request_id"])
    [task] = [event["event"]["task"] for event in story["events"] if event["topic"] == topics.CLASSIFICATIONS]
    assert set(task["predictions"]) == {one, two}
    assert task["predictions"][two] > 0.6 > task["predictions"][one]


def test_models_lists_the_catalog(here: Installation) -> None:
    """models lists every model of the catalog with its price and who serves it (F2)."""
    rows = here.json("models", "--maker", "anthropic")
    assert rows
    assert {row["maker"] for row in rows} == {"anthropic"}
    assert all(row["served_by"] for row in rows)


def test_a_dead_letter_is_listed_shown_and_sent_again(here: Installation) -> None:
    """A bad request lies in the dead letters once, with its reason, and can be mended and sent again (promise 5)."""
    producer = Producer({"bootstrap.servers": here.settings.bootstrap, "partitioner": "murmur2_random"})
    producer.produce(here.settings.topic(topics.REQUESTS), key="atelier", value=b'{"prompt": 7, "request_id": "bad-1"}')
    assert producer.flush(30) == 0

    def letters() -> list[dict[str, Any]]:
        return [row for row in here.json("dlq", "list") if row["tenant"] == "atelier"]

    eventually(lambda: len(letters()) == 1, "one dead letter")
    letter = letters()[0]
    assert letter["code"] == "invalid"
    assert letter["position"]["partition"] == partition_for("atelier", 8)
    listed = here.run("dlq", "list").stdout
    assert f"requests[{partition_for('atelier', 8)}]@" in listed
    assert '{"prompt": 7' in here.run("dlq", "show", str(letter["id"])[:13]).stdout
    mended = here.settings.run_dir / "mended.json"
    mended.write_text('{"prompt": "seven", "request_id": "mended-1"}')
    here.run("dlq", "retry", str(letter["id"]), "--value", str(mended))
    eventually(lambda: "mended-1" in here.run("tail", "results", "--from", "beginning", "-e").stdout, "its answer")
    here.run("dlq", "show", "ffff", status=3)


def test_sql_answers_from_clickhouse(here: Installation) -> None:
    """sql reads what was recorded, takes parameters, and refuses to write (A1, D3)."""
    request = submitted(here, "Convert 68 degrees Fahrenheit to Celsius.")
    asked = ("sql", "select model from v_requests where request_id = {id:String}", "--param", f"id={request}")
    eventually(lambda: len(here.json(*asked)) == 1, "the recorded request")
    assert here.run(*asked, "--csv").stdout.startswith('"model"')
    refused = here.run("sql", "drop table routing_decisions", status=1)
    assert refused.stderr.startswith("error:") or "error:" in refused.stderr


def test_replay_verify_is_byte_equal(here: Installation) -> None:
    """replay verify computes every decision of this history again, byte for byte the same (A5)."""
    submitted(here, "Thanks, that helps!")
    report = here.json("replay", "verify")
    assert report["equal"] is True
    assert report["different"] == 0
    assert report["decisions"] > 0


def test_errors_are_json_where_data_is(here: Installation) -> None:
    """With JSON output an error is one JSON object on stderr: code, message, next."""
    done = here.run("explain", "no-such-id", "--output", "json", status=3)
    error = json.loads(done.stderr.splitlines()[-1])["error"]
    assert error["code"] == 3
    assert error["next"]
