"""One test per row of the tables of S0 to S4: the shipped router chooses what the row says (SPEC R21)."""

from typing import Any

import pytest

from routing.catalog import CompiledConfig
from schemas.control_policy import PolicyDocument
from schemas.request import Attachment, CopilotMode, JobType, SpaceType
from tests.brain import chosen, cluster_reader, documents, request, shipped, tenant

DOCUMENT = Attachment(kind="document", reference="d1", media_type="application/pdf", length=40_000)
LONG_DOCUMENT = Attachment(
    kind="document", reference="d2", media_type="application/pdf", length=400_000, tokens=100_000
)
PICTURE = Attachment(kind="image", reference="i1", media_type="image/png", length=200_000)
AUDIO = Attachment(kind="audio", reference="a1", media_type="audio/mpeg", length=480_000)
CODE = "```python\ndef total(items):\n    return sum(items)\n```"


def of(policy: str, **fields: Any) -> CompiledConfig:
    return tenant(policy, **fields)


@pytest.mark.parametrize(
    ("mode", "model", "prompt"),
    [
        ("realtime_assist", "gpt-4.1-mini", "rename this clip"),
        ("structured_planning", "gpt-4.1", "plan the next episode in five steps"),
        ("timeline_doctor", "gpt-4.1", "the cut at 00:31 feels late"),
        ("research_analyst", "gpt-4.1", "what do viewers say about short films"),
        ("vision_editing", "replicate-fill", "remove the lamp post from the key frame"),
        ("voice_generation", "elevenlabs-default", "Read this in a warm voice."),
        ("system_optimizer", "gpt-4.1", "why is the render queue slow"),
    ],
)
def test_copilot_mode(mode: str, model: str, prompt: str) -> None:
    """Each copilot mode takes its default path (R2, R21, S0 table 4.1)."""
    choice = chosen(of("s0"), request(prompt, mode=CopilotMode(mode)))
    assert choice.model == model
    assert choice.tier == 1


def test_copilot_mode_falls_to_its_second_model() -> None:
    """Structured planning goes to Claude 3.5 when GPT-4.1 may not be used (R21, S0 table 4.1)."""
    choice = chosen(of("s0", avoid_models=["gpt-4.1"]), request("plan it", mode=CopilotMode.STRUCTURED_PLANNING))
    assert choice.model == "claude-3.5-sonnet"
    assert "rule_fallback" in choice.reason_codes


@pytest.mark.parametrize(
    ("job", "model"),
    [("background.transcription", "whisper-1"), ("background.auto_clip", "gpt-4.1")],
)
def test_background_task(job: str, model: str) -> None:
    """Batch transcription and clip suggestions take their path (R3, R21, S0 table 4.2)."""
    event = request("episode 12", job_type=JobType(job), attachments=(AUDIO,), latency_class="background")
    assert chosen(of("s0"), event).model == model


def test_asset_tagging_takes_the_cheapest_that_is_good_enough() -> None:
    """Large-scale tagging takes the cheapest model that meets the quality threshold (R3, R21, S0 table 4.2)."""
    config = of("s0")
    choice = chosen(config, request("tags for a picture of a harbour", job_type=JobType.BACKGROUND_TAGGING))
    policy = config.tenant("t")
    assert policy is not None
    good = [item for item in choice.candidates if policy.models[item.model].quality >= 60]
    assert choice.model == min(good, key=lambda item: (item.estimated_cost, -item.score)).model
    every = {item.model for item in choice.candidates} | set(choice.others)
    assert any(policy.models[model].quality < 60 for model in every)


def test_tools_go_to_a_model_known_to_use_them() -> None:
    """Requests with tools go to GPT-4.1 (R18, S0 section 5)."""
    event = request("update the invoice", tools=("timeline_commands",), mcp_tools=("stripe.billing",))
    assert chosen(of("s0"), event).model == "gpt-4.1"


@pytest.mark.parametrize(
    ("job", "model"),
    [
        ("llm.default", "gpt-4.1-mini"),
        ("llm.premium", "gpt-4.1"),
        ("llm.alt", "claude-3.5-sonnet"),
        ("retrieval.web", "sonar-pro"),
        ("retrieval.deep", "sonar-pro"),
        ("retrieval.docs", "tavily-search"),
        ("retrieval.news", "tavily-search"),
        ("retrieval.finance", "tavily-search"),
        ("media.background_removal", "model-a"),
        ("media.upscaling", "model-b"),
        ("media.style_transfer", "your-style-model"),
        ("media.generative_fill", "replicate-fill"),
        ("media.video", "replicate-video"),
        ("voice.voiceover", "elevenlabs-default"),
        ("voice.speech", "elevenlabs-default"),
        ("voice.dubbing", "elevenlabs-default"),
        ("structured.analytics", "gpt-4.1"),
        ("structured.financial_modelling", "gpt-4.1"),
    ],
)
def test_job_type(job: str, model: str) -> None:
    """Each job type takes the route of S1's prose (R3, R21, S1)."""
    attachments = (PICTURE,) if job.startswith("media") else ()
    choice = chosen(of("s1"), request("do it", job_type=JobType(job), attachments=attachments))
    assert choice.model == model


@pytest.mark.parametrize(
    ("job", "model"), [("retrieval.web", "sonar-pro"), ("retrieval.deep", "tavily-search"), ("llm.premium", "gpt-4.1")]
)
def test_job_map(job: str, model: str) -> None:
    """The map of S1, which reverses its prose, ships as a router of its own (R21, conflicts table)."""
    assert chosen(of("s1-map"), request("do it", job_type=JobType(job))).model == model


def test_decart_keeps_its_slot_and_is_vetoed_honestly() -> None:
    """Finance names Decart first; it edits pictures, so modality bars it and Tavily answers (R21, conflicts)."""
    choice = chosen(of("s1-map"), request("margins of listed shipyards", job_type=JobType.RETRIEVAL_FINANCE))
    assert choice.model == "tavily-search"
    assert ("decart-lucy", "modality") in {(veto.model, veto.rule) for veto in choice.vetoes}


@pytest.mark.parametrize(
    ("prompt", "fields", "models"),
    [
        ("Write a function to parse dates", {}, ["claude-opus-4.5", "claude-sonnet-4"]),
        ("Do a code review of our login module", {}, ["claude-sonnet-4", "gpt-4o"]),
        ("Debug this crash in the importer", {}, ["claude-sonnet-4", "gpt-4o"]),
        ("Design a system with microservices for ticket sales", {}, ["gpt-5.2", "claude-opus-4.5"]),
        ("Solve the equation x^2 - 5x + 6 = 0 and prove it", {}, ["gpt-5.2", "claude-sonnet-4"]),
        ("Write a poem about the sea", {}, ["claude-opus-4.5", "gpt-5"]),
        ("Rename these files", {}, ["claude-haiku-4.5", "gpt-4o-mini"]),
        ("Summarize it", {"attachments": (LONG_DOCUMENT,)}, ["gemini-3-pro", "claude-sonnet-4"]),
        ("Which of them", {"use_case": "realtime-chat"}, ["gpt-5.2", "claude-haiku-4.5"]),
        ("Compare the pros and cons of trains and planes", {}, ["claude-sonnet-4", "gpt-4o"]),
        ("Translate to German: the harbour is quiet today", {}, ["gpt-4o", "gemini-3-pro"]),
    ],
)
def test_specialisation(prompt: str, fields: dict[str, Any], models: list[str]) -> None:
    """Each specialisation takes its recommended models in order (R21, S2 specialisations)."""
    config = of("s2")
    choice = chosen(config, request(prompt, **fields))
    assert choice.model == models[0]
    assert choice.chain[1].model == models[1]


@pytest.mark.parametrize(
    ("space", "primary", "fallback"),
    [
        ("coding", "claude-sonnet-4", "claude-opus-4.5"),
        ("writing", "claude-opus-4.5", "claude-sonnet-4"),
        ("research", "claude-sonnet-4", "gpt-4o"),
        ("general", "claude-sonnet-4", "claude-haiku-4.5"),
    ],
)
def test_space_type(space: str, primary: str, fallback: str) -> None:
    """Each type of space has its primary model and fallback (R4, R21, S2 space types)."""
    event = request("Which one is better suited", space_type=SpaceType(space))
    choice = chosen(of("s2"), event)
    assert (choice.model, choice.tier) == (primary, 1)
    assert chosen(of("s2", avoid_models=[primary]), event).model == fallback


@pytest.mark.parametrize(
    ("prompt", "fields", "models"),
    [
        (f"Fix this please\n{CODE}", {}, {"claude-sonnet-4"}),
        (f"Review this please\n{CODE}", {}, {"claude-sonnet-4", "claude-opus-4.5"}),
        ("hello", {}, {"claude-haiku-4.5"}),
        ("What is the capital of Portugal?", {}, {"claude-haiku-4.5", "gpt-4o-mini"}),
        ("Analyze the attached report", {"attachments": (DOCUMENT,)}, {"claude-sonnet-4"}),
        ("and the other one", {"conversation_turns": 24}, {"claude-opus-4.5", "claude-sonnet-4", "claude-haiku-4.5"}),
        ("We need a strategy for the spring season", {}, {"claude-opus-4.5", "gpt-5.2"}),
        ("Make a plan", {}, {"claude-opus-4.5", "gpt-5.2"}),
    ],
)
def test_signal(prompt: str, fields: dict[str, Any], models: set[str]) -> None:
    """Each signal selects its models (R5, R21, S2 signal rules)."""
    choice = chosen(of("s2"), request(prompt, **fields))
    assert choice.model in models
    assert choice.tier == 2


@pytest.mark.parametrize(
    ("cluster", "prompt", "models"),
    [
        ("coding", "Write a class in Python that counts the words of a file", ["claude-sonnet-4", "claude-opus-4.5"]),
        ("analysis", "Analyse the trend of complaints in the table of last year", ["claude-sonnet-4", "gpt-4o"]),
        ("creative", "Write a story about two snails that run a hotel", ["claude-opus-4.5", "gpt-5"]),
        ("simple_qa", "Define the word symbiosis", ["claude-haiku-4.5", "gpt-4o-mini"]),
        ("research", "Summarize the studies on school start times and cite sources", ["claude-sonnet-4", "gpt-4o"]),
        ("math_logic", "Prove that the equation x^3 + x = 1 has one real root", ["gpt-5.2", "claude-sonnet-4"]),
        ("translation", "Translate into German: the shop opens at nine", ["gpt-4o", "gemini-3-pro"]),
    ],
)
def test_cluster(cluster: str, prompt: str, models: list[str]) -> None:
    """Each task cluster takes its preferred models in order, in tier 3 (R6, R21, S2 clusters)."""
    choice = chosen(of("s2"), request(prompt), reader=cluster_reader(of("s2")))
    assert (choice.cluster, choice.tier) == (cluster, 3)
    assert [choice.model, choice.chain[1].model] == models


def test_signal_stands_above_cluster_and_cluster_above_specialisation() -> None:
    """Where S2's tables disagree, signal wins over cluster and cluster over specialisation (R4, conflicts table)."""
    config = of("s2")
    asked = request("Write a function in Python that parses dates")
    by_cluster = chosen(config, asked, reader=cluster_reader(config))
    assert (by_cluster.model, by_cluster.tier) == ("claude-sonnet-4", 3)
    assert (chosen(config, asked).model, chosen(config, asked).tier) == ("claude-opus-4.5", 2)
    greeting = chosen(config, request("hello"), reader=cluster_reader(config))
    assert (greeting.model, greeting.tier) == ("claude-haiku-4.5", 2)
    space = request("Write a function in Python that parses dates", space_type=SpaceType.WRITING)
    assert chosen(config, space, reader=cluster_reader(config)).tier == 1


def test_space_stands_above_signal_and_signal_above_specialisation() -> None:
    """Where S2's tables disagree, space wins over signal and signal over specialisation (R4, conflicts table)."""
    config = of("s2")
    assert chosen(config, request("hello", space_type=SpaceType.WRITING)).model == "claude-opus-4.5"
    assert chosen(config, request("Analyze our strategy")).model == "claude-opus-4.5"


@pytest.mark.parametrize(
    ("prompt", "model"),
    [
        ("Add JSDoc comments to utility functions", "claude-haiku-4"),
        ("Design scalable microservices architecture", "claude-opus-4.5"),
        ("Implement REST API endpoint for user profile", "claude-sonnet-4.5"),
        ("Fix authentication bug in login endpoint", "claude-sonnet-4.5"),
    ],
)
def test_weighted_score(prompt: str, model: str) -> None:
    """S3's worked examples come out as it says, under its weights and price book (R9, R21, S3 example 1)."""
    choice = chosen(of("s3", prices="s3"), request(prompt))
    assert choice.model == model
    assert choice.price_book == "s3@1"


def test_default_fallback_chain() -> None:
    """Opus falls back to sonnet, then to GPT-4 (R21, S3 default chain)."""
    choice = chosen(of("s3", prices="s3"), request("Design scalable microservices architecture"))
    assert [plan.model for plan in choice.chain] == ["claude-opus-4.5", "claude-sonnet-4.5", "gpt-4-turbo"]


def test_default_model_when_the_text_says_nothing() -> None:
    """S3's default model answers what cannot be classified (R9, R21)."""
    choice = chosen(of("s3", prices="s3"), request("the blue one near the window"))
    assert choice.model == "claude-sonnet-4.5"
    assert "default_low_confidence" in choice.reason_codes


@pytest.mark.parametrize(
    ("prompt", "model"),
    [
        ("Design a system architecture for event sourcing", "grok-4"),
        ("Analyze the trends in this data set", "grok-4"),
        ("Implement a parser for CSV files", "claude-sonnet-4"),
        ("Refactor this legacy module", "claude-sonnet-4"),
        ("Write the README and docstrings", "claude-sonnet-4"),
        ("Write a short story about a fox", "kimi-k2"),
        ("tell something nice to my colleague", "kimi-k2"),
        ("What is the capital of Chile?", "gemini-2.5-flash"),
        ("hi", "gemini-2.5-flash"),
        ("Prove that the square root of 2 is irrational", "o3"),
    ],
)
def test_speciality(prompt: str, model: str) -> None:
    """Each model of S4 serves its speciality (R21, S4 specialisation)."""
    assert chosen(of("s4"), request(prompt)).model == model


def test_shares_and_targets_are_data() -> None:
    """S4's shares (40, 30, 20, 10; o3 an upper limit of 5) and targets stand in its router (R12, A10)."""
    policy = documents()["policy/s4@1"]
    assert isinstance(policy, PolicyDocument)
    assert policy.shares is not None
    assert policy.shares.targets == {"grok-4": 0.4, "claude-4": 0.3, "kimi-k2": 0.2, "gemini-flash": 0.1}
    assert policy.shares.upper_limits == {"o3": 0.05}
    assert {model: target.latency_ms for model, target in policy.targets.items()} == {
        "grok-4": 3000,
        "claude-4": 2000,
        "kimi-k2": 1000,
        "gemini-flash": 500,
        "o3": 5000,
    }


def test_every_shipped_router_is_used_by_a_demo_tenant() -> None:
    """One command switches routers: each ships as a document that a tenant names (R21)."""
    used = {policy.policy.partition("@")[0] for name in shipped().tenants if (policy := shipped().tenant(name))}
    assert {"default", "s0", "s1", "s2", "s3", "s4"} <= used
