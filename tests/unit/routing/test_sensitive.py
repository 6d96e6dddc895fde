"""The local detector: what it finds, what it leaves, what a finding leads to, and that it is off by default."""

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from routing.checksums import luhn
from routing.sensitive import SAMPLE, WORDS, Detector, compile_detector, named, sample_of
from schemas.control_policy import PolicyDocument
from schemas.control_tenant import TenantDocument
from schemas.request import Message
from schemas.sensitivity import KINDS, WORD_KINDS, SensitiveDetection
from tests.brain import chosen, denied, request, task, tenant, with_documents
from tests.desk_world import DeskWorld
from tests.documents import tenant as tenant_document

BY_FORM = [kind for kind in KINDS if kind not in WORD_KINDS]
FULL_WIDTH = {0x30 + digit: 0xFF10 + digit for digit in range(10)}
A40 = string.ascii_letters[:36]
BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\nVJTUt9Us8cKj"

FOUND = [
    ("payment_card", "My card is 4111 1111 1111 1111, is it still valid?"),
    ("payment_card", "4111111111111111"),
    ("payment_card", "charge 5500-0000-0000-0004 today"),
    ("payment_card", "Amex 3782 822463 10005 exp 04/29"),
    ("payment_card", "2221000000000009 is a new Mastercard range"),
    ("payment_card", "bezahlt mit 6011 1111 1111 1117."),
    ("payment_card", "numéro " + "3530111333300000".translate(FULL_WIDTH)),
    ("payment_card", "4111\u00a01111\u00a01111\u00a01111"),
    ("payment_card", "41\u200b11 1111 1111 1111"),
    ("iban", "Überweise bitte auf DE89 3704 0044 0532 0130 00 bis Freitag"),
    ("iban", "GB82WEST12345698765432"),
    ("iban", "iban: fr14 2004 1010 0505 0001 3m02 606"),
    ("iban", "NO9386011117947 er kontoen"),
    ("email", "Write to ann.example+news@example.com please"),
    ("email", "<o'neill@mail.example.co.uk>"),
    ("email", "联系我 wang@example.cn。"),
    ("email", "mailto:ops@example.org"),
    ("phone", "Call me on +49 30 901820"),
    ("phone", "+1 (212) 555-0123"),
    ("phone", "ring 212-555-0123 after six"),
    ("phone", "(212) 555-0123"),
    ("phone", "Tel.: 030/9018200"),
    ("phone", "06 12 34 56 78 est mon numéro"),
    ("phone", "07700 900123"),
    ("phone", "我的手机 13800138000"),
    ("phone", "0049 30 901820"),
    ("national_id", "SSN 123-45-6789"),
    ("national_id", "her NINO is AB 12 34 56 C"),
    ("national_id", "Steuer-ID 86 095 742 719"),
    ("national_id", "DNI 12345678Z"),
    ("national_id", "NIE X-1234567-L"),
    ("national_id", "codice fiscale RSSMRA85T10A562S"),
    ("national_id", "n° 2 55 08 14 168 025 38"),
    ("national_id", "BSN: 111222333"),
    ("national_id", "rijksregisternummer 85.07.30-033.28"),
    ("national_id", "PESEL 44051401359"),
    ("national_id", "CPF 529.982.247-25"),
    ("national_id", "Aadhaar 2341 2341 2346"),
    ("national_id", "身份证号 11010519491231002X"),
    ("national_id", "personnummer 811228-9874"),
    ("national_id", "AHV 756.9217.0769.85"),
    ("national_id", "social insurance number 123-456-782"),
    ("secret_key", "AKIA" + "IOSFODNN7EXAMPLE"),
    ("secret_key", "export GH=" + "ghp_" + A40),
    ("secret_key", "xoxb-" + "123456789012-abcdefABCDEF"),
    ("secret_key", "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"),
    ("secret_key", "key sk-" + "proj-a1B2c3D4e5F6g7H8i9J0"),
    ("secret_key", "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"),
    ("secret_key", "postgres://app:" + "s3cr3t-pass@db.internal:5432/app"),
    ("secret_key", "password: hunter2hunter2"),
    ("secret_key", "Das Passwort ist Sommer2024!"),
    ("secret_key", 'api_key = "9f8e7d6c5b4a3210"'),
    ("private_key", f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}\n-----END RSA PRIVATE KEY-----"),
    ("private_key", f"-----BEGIN OPENSSH PRIVATE KEY-----\\n{BODY}"),
]
NEAR_MISSES = [
    "4111 1111 1111 1112 fails the check",
    "order 1111222233334444 and invoice 9999888877776666",
    "0000 0000 0000 0000",
    "trace id 4111111111111111a9c2",
    "DE89 3704 0044 0532 0130 01 has one digit wrong",
    "part number XX89370400440532013000",
    "clone git@github.com:example/repo.git",
    "https://example.com/@ann and @ann.example",
    "npm install react@18.2.0 lodash@4.17.21",
    "logo@2x.png and y = w@x.sum()",
    "user@localhost",
    "between 2024-01-02 10:30 and 2024-03-04 11:45",
    "versions 1.2.3.4 and 192.168.100.200",
    "ISBN 978-3-16-148410-0",
    "the range 100-200-3000 of section 12.34.56",
    "+100 000 000 users and +2.5 %",
    "01/02/2024 or 01-02-2024",
    "1,234,567,890.12 dollars in 2023",
    "π is 3.14159265358979323846",
    "SSN 000-12-3456 and 666-12-3456 are not given out",
    "BSN 111222334",
    "DNI 12345678A",
    "reference QQ 12 34 56 C",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "uuid 123e4567-e89b-12d3-a456-426614174000",
    "12345678901",
    "AKIA is the prefix of AWS key ids",
    "password = getpass.getpass()",
    "api_key=os.environ['OPENAI_API_KEY']",
    "token: str | None = None",
    "password: ********",
    "the password is required and must be changed regularly",
    "api_key: <your-api-key-here-1234>",
    "postgres://user:$PASSWORD@db.internal/app",
    "sk-learn and sk-something-very-long-without-any-figures",
    "What does -----BEGIN PRIVATE KEY----- mean?",
    f"-----BEGIN PUBLIC KEY-----\n{BODY}\n-----END PUBLIC KEY-----",
    "Fix the crash in main.py at line 42",
    "Translate the lease into plain English",
]
MISSED = [
    ("payment_card", "four one one one, then twelve ones"),
    ("phone", "my number is five five five, zero one two three"),
    ("email", "ann at example dot com"),
    ("national_id", "123 45 6789"),
    ("secret_key", "log in with correcthorsebatterystaple"),
]
"""What it is known not to find: written in words, or without the form that tells it from other numbers."""


def detector(*kinds: str, **words: list[str]) -> Detector:
    made = compile_detector(SensitiveDetection.model_validate({"kinds": [*kinds, *words], "words": words}))
    assert made is not None
    return made


ALL = detector(*BY_FORM)


@pytest.mark.parametrize(("kind", "text"), FOUND)
def test_finds(kind: str, text: str) -> None:
    """Each example is found as its kind, wherever it stands in a longer text (U4)."""
    assert kind in ALL.detect(text)
    assert kind in ALL.detect(f"Please look at this.\n{text}\nThank you.")


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_leaves_near_misses(text: str) -> None:
    """What only resembles sensitive data is left alone."""
    assert ALL.detect(text) == ()


def test_kinds_are_told_apart() -> None:
    """Of all kinds found on the examples at least 95 of 100 are the right ones; the known misses are no secret."""
    right = found = 0
    for kind, text in FOUND:
        kinds = ALL.detect(text)
        right += kind in kinds
        found += len(kinds)
    assert right / len(FOUND) == 1
    assert right / found >= 0.95
    assert all(kind not in ALL.detect(text) for kind, text in MISSED)


@given(st.integers(0, 10**14 - 1), st.sampled_from(["", " ", "-"]), st.integers(0, 9))
def test_luhn_tells_cards_from_other_numbers(body: int, separator: str, wrong: int) -> None:
    """Every Visa number with its right check digit is found in any grouping, with a wrong one never."""
    start = f"4{body:014d}"
    check = next(str(digit) for digit in range(10) if luhn([int(char) for char in f"{start}{digit}"]))

    def grouped(plain: str) -> str:
        return separator.join(plain[at : at + 4] for at in range(0, 16, 4))

    only = detector("payment_card")
    assert only.detect(grouped(start + check)) == (("payment_card",) if len(set(start + check)) > 1 else ())
    if str(wrong) != check:
        assert only.detect(grouped(f"{start}{wrong}")) == ()


@given(st.text(max_size=400))
def test_any_text_is_read_without_error(text: str) -> None:
    """No text stops the detector, and what it returns are kinds of the closed set, in their order."""
    kinds = ALL.detect(text)
    assert list(kinds) == [kind for kind in KINDS if kind in kinds]


def test_words_only_where_they_are_listed() -> None:
    """Health, legal and salary are recognised by the tenant's own words: whole words, stems, phrases, any script."""
    found = detector(health=["diagnos*", "blood pressure", "病历"], salary=["Gehalt"])
    assert found.detect("The Diagnosis is unclear") == ("health",)
    assert found.detect("blood   pressure 140/90") == ("health",)
    assert found.detect("请看我的病历表") == ("health",)
    assert found.detect("wie hoch ist das GEHALT?") == ("salary",)
    assert found.detect("gehaltvoll, undiagnosed, bloodpressure") == ()


@pytest.mark.parametrize("words", [{"kinds": ["health"]}, {"words": {"legal": ["court"]}}, {"kinds": ["feelings"]}])
def test_words_and_kinds_belong_together(words: dict[str, Any]) -> None:
    """A kind by words needs its words, words need their kind, and unknown kinds are refused."""
    with pytest.raises(ValidationError):
        SensitiveDetection.model_validate(words)


def test_no_kinds_is_no_detector() -> None:
    """Without kinds there is nothing to run."""
    assert compile_detector(None) is None
    assert compile_detector(SensitiveDetection()) is None


def test_every_kind_has_words() -> None:
    """Every kind is named in plain words, several are listed."""
    assert set(WORDS) == set(KINDS)
    assert named(["iban", "email", "phone"]) == "a bank account number, an e-mail address and a phone number"


def test_all_messages_are_read_newest_first_within_bounds() -> None:
    """The whole conversation counts, since the provider would see it; of very long ones head and tail."""
    card = "4111 1111 1111 1111"
    early = request(
        None, messages=(Message(content=card), Message(role="assistant", content="noted"), Message(content="ok"))
    )
    assert ALL.detect_in(early) == ("payment_card",)
    long = request("x" * 60_000, messages=(Message(content=f"{card} {'y' * 20_000}"),))
    assert len(sample_of(long)) <= SAMPLE + 3
    assert ALL.detect_in(long) == ("payment_card",)


CARD = request("Is 4111 1111 1111 1111 a real card?")
ON: dict[str, Any] = {
    "sensitive_detection": {"kinds": ["payment_card", "email"]},
    "sensitive_models": ["claude-haiku-4.5"],
}


def test_a_finding_counts_as_the_callers_flag() -> None:
    """What is found leads to approved models only, with code and words that name the kind, never the text (R4, U4)."""
    choice = chosen(tenant(**ON), CARD)
    assert [plan.model for plan in choice.chain] == ["claude-haiku-4.5"]
    assert {"sensitive", "sensitive_detected"} <= set(choice.reason_codes)
    assert "looks like it contains a payment card number" in choice.reason
    assert "4111" not in choice.model_dump_json()
    barred = next(item for item in choice.vetoes if item.rule == "not_approved_sensitive")
    assert barred.source == "tenant/t@1"
    assert barred.detail == "looks like it contains a payment card number"
    refused = denied(tenant(**ON), CARD.model_copy(update={"model": "gpt-4.1"}))
    assert "not approved for sensitive data" in refused.reason


def test_off_by_default_and_by_kind() -> None:
    """Without the switch, and for kinds that are not listed, nothing is looked for."""
    assert task(CARD, tenant(sensitive_models=["claude-haiku-4.5"])).signals.sensitive == ()
    phone = request("Call +49 30 901820")
    assert task(phone, tenant(**ON)).signals.sensitive == ()
    assert "sensitive" not in chosen(tenant(**ON), phone).reason_codes


def test_the_tenant_overrules_its_router() -> None:
    """A router may look for its tenants; a tenant's own list, an empty one too, takes its place (U4)."""
    router = PolicyDocument(name="careful", sensitive_detection=SensitiveDetection(kinds=("payment_card",)))
    follows = with_documents(router, TenantDocument(name="t", policy="careful"))
    assert task(CARD, follows).signals.sensitive == ("payment_card",)
    leaves = TenantDocument(name="t", policy="careful", sensitive_detection=SensitiveDetection())
    assert task(CARD, with_documents(router, leaves)).signals.sensitive == ()


def test_rules_see_a_finding() -> None:
    """A rule on sensitive requests holds for those that were found as for those that were flagged."""
    rule = {"name": "r", "layer": "job", "when": {"sensitive": True}, "effect": "lock", "models": ["claude-haiku-4.5"]}
    router = PolicyDocument.model_validate(
        {"name": "own", "rules": [{**rule, "because": "it is sensitive"}], "sensitive_detection": {"kinds": ["email"]}}
    )
    config = with_documents(router, TenantDocument(name="t", policy="own"))
    assert chosen(config, request("mail ann@example.com")).reason.startswith("it is sensitive")
    assert "rule_lock" not in chosen(config, request("mail ann")).reason_codes


def test_the_router_writes_the_kind_and_nothing_else() -> None:
    """Through the desk: classification and decision name the kind; the number is in none of its records."""
    world = DeskWorld("t", tenant_document("t", **ON), restore_each_batch=True)
    world.ask("r1", prompt="Is 4111 1111 1111 1111 a real card?")
    written = world.run()
    (decision,) = world.decisions()
    assert decision["model"] == "claude-haiku-4.5"
    assert decision["signals"]["sensitive"] == ["payment_card"]
    assert all(b"4111" not in (output.value or b"") for output in written)
