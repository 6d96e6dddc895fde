"""The task descriptor (SPEC F5, R8): what kind of work a request is, estimated from its text before routing."""

# A frozen event may ask for a field that its base leaves optional.
# pyright: reportGeneralTypeIssues=false
from enum import StrEnum
from typing import Any, ClassVar, Literal

from schemas.cluster_reading import ClusterReading
from schemas.decision import SignalsView
from schemas.envelope import Event, Frozen


class TaskType(StrEnum):
    """The taxonomy (SPEC R8): S3's thirteen types, four more, and ``general`` below the confidence floor."""

    ARCHITECTURE = "architecture"
    PLANNING = "planning"
    CODE_GENERATION = "code-generation"
    CODE_REVIEW = "code-review"
    DEBUGGING = "debugging"
    REFACTORING = "refactoring"
    TESTING = "testing"
    DOCUMENTATION = "documentation"
    ANALYSIS = "analysis"
    CREATIVE = "creative"
    FACTUAL = "factual"
    COORDINATION = "coordination"
    SIMPLE_TASK = "simple-task"
    MATH = "math"
    TRANSLATION = "translation"
    SUMMARIZATION = "summarization"
    RESEARCH = "research"
    GENERAL = "general"


class TaskFeatures(Frozen):
    """What the text shows beside its type (SPEC R8), each 0 to 1, to three decimals."""

    keyword_density: float = 0.0
    """Evidence of the taxonomy's words per word of the text."""
    technical_depth: float = 0.0
    """Code, syntax, traces, file names, formulas, and words of technical work."""
    scope: float = 0.0
    """Length, listed demands, words of large work."""
    criticality: float = 0.0
    """Words of emergency and high stakes; 1 from two of them."""


class TaskDescriptor(Frozen):
    """S3's descriptor, field for field, plus what routing needs: signals, bounds, confidence."""

    type: TaskType
    complexity: Literal["simple", "medium", "complex", "critical"]
    pattern: Literal["single-shot", "multi-step", "iterative"]
    estimated_input_tokens: int
    estimated_output_tokens: int
    requires_extended_thinking: bool
    involves_code: bool
    priority: int
    constraints: dict[str, Any] = {}
    confidence: float = 1.0
    input_token_bound: int = 0
    """No tokenizer gives more input tokens than this (tokens <= bytes, plus framing per message and tool)."""
    needs_vision: bool = False
    needs_tools: bool = False
    type_shares: dict[str, float] = {}
    """What an unclear text may be: kinds of work and their shares in sixteenths, likeliest first; {}: it is clear."""
    complexity_shares: dict[str, float] = {}
    """How complex work that is called so really is, in sixteenths; {}: as complex as it is called."""
    wants_json: bool = False
    """Whether the request asks for an answer in JSON."""
    modality: Literal["text", "image", "video", "audio", "search", "embedding"] = "text"
    """``embedding``: the work of an encoder that is asked about a request, never that of a request."""
    signals: SignalsView = SignalsView()
    features: TaskFeatures = TaskFeatures()
    cluster: str | None = None
    """The cluster whose score is far enough from nothing and from the second best; None: none is, or none was asked."""
    cluster_score: float | None = None
    predictions: dict[str, float] = {}
    """Model -> share of good answers (0..1, nine decimals) that the router's trained predictor expects."""


class ClassificationMade(Event):
    """The classification of an accepted request, one for each, on ``classifications``."""

    TYPE: ClassVar[str] = "pointsman.classification.made.v1"

    type: Literal["pointsman.classification.made.v1"] = "pointsman.classification.made.v1"
    request_id: str
    task: TaskDescriptor
    clusters: ClusterReading | None = None
    """The cluster scores that were read for it; those of an encoder that had to be asked stand in the decision."""
    engine: str
