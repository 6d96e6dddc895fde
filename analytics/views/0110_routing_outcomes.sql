CREATE OR REPLACE VIEW routing_outcomes
(
    tenant LowCardinality(String) COMMENT 'Tenant',
    request_id String COMMENT 'Request',
    event_ts DateTime64(6, 'UTC') COMMENT 'When',
    status LowCardinality(String) COMMENT 'How the request ended',
    decision_id String COMMENT 'Decision',
    user String COMMENT 'User',
    conversation_id String COMMENT 'Conversation',
    model LowCardinality(String) COMMENT 'Model',
    task_type LowCardinality(String) COMMENT 'Kind of work',
    complexity LowCardinality(String) COMMENT 'simple, medium, complex or critical',
    tier UInt8 COMMENT 'Routing tier',
    decisions UInt16 COMMENT 'Number of decisions',
    attempts UInt16 COMMENT 'Number of attempts',
    fallbacks UInt16 COMMENT 'Number of attempts after the first',
    cost Decimal(18, 12) COMMENT 'Dollars',
    estimated_cost Decimal(18, 12) COMMENT 'Dollars expected when it was decided',
    latency_ms Nullable(UInt32) COMMENT 'Milliseconds to the end of the answer',
    estimated_latency_ms Nullable(UInt32) COMMENT 'Milliseconds expected when it was decided',
    ttft_ms Nullable(UInt32) COMMENT 'Milliseconds to the first token',
    input_tokens UInt64 COMMENT 'Tokens read, cached ones included',
    cached_input_tokens UInt64 COMMENT 'Of the input: read from the provider''s cache',
    output_tokens UInt64 COMMENT 'Tokens generated, reasoning included',
    reasoning_tokens UInt64 COMMENT 'Of the output: reasoning',
    conversation_turns UInt32 COMMENT 'Messages of the conversation so far',
    tools Array(LowCardinality(String)) COMMENT 'Internal tools offered',
    mcp_tools Array(LowCardinality(String)) COMMENT 'MCP tools offered',
    use_case LowCardinality(String) COMMENT 'Use case',
    space LowCardinality(String) COMMENT 'Space',
    area LowCardinality(String) COMMENT 'Area',
    prompt_version LowCardinality(String) COMMENT 'Version of the prompt template',
    override_model LowCardinality(String) COMMENT 'Model that a person asked for',
    simulated Bool COMMENT 'True for simulated providers',
    ratings UInt64 COMMENT 'Number of ratings',
    rating Nullable(Float64) COMMENT 'Mean rating 0 to 1; NULL where nobody rated'
)
AS
SELECT
    t.tenant AS tenant,
    t.request_id AS request_id,
    t.event_ts AS event_ts,
    t.status AS status,
    t.decision_id AS decision_id,
    t.user AS user,
    t.conversation_id AS conversation_id,
    t.model AS model,
    t.task_type AS task_type,
    t.complexity AS complexity,
    t.tier AS tier,
    t.decisions AS decisions,
    t.attempts AS attempts,
    t.fallbacks AS fallbacks,
    t.cost AS cost,
    t.estimated_cost AS estimated_cost,
    t.latency_ms AS latency_ms,
    t.estimated_latency_ms AS estimated_latency_ms,
    t.ttft_ms AS ttft_ms,
    t.input_tokens AS input_tokens,
    t.cached_input_tokens AS cached_input_tokens,
    t.output_tokens AS output_tokens,
    t.reasoning_tokens AS reasoning_tokens,
    t.conversation_turns AS conversation_turns,
    t.tools AS tools,
    t.mcp_tools AS mcp_tools,
    t.use_case AS use_case,
    t.space AS space,
    t.area AS area,
    t.prompt_version AS prompt_version,
    t.override_model AS override_model,
    t.simulated AS simulated,
    r.ratings AS ratings,
    if(r.ratings > 0, r.rating, NULL) AS rating
FROM technical_outcomes AS t FINAL
LEFT JOIN
(
    SELECT f.tenant AS tenant, f.request_id AS request_id, count() AS ratings, avg(f.value) AS rating
    FROM feedback_outcomes AS f FINAL
    WHERE f.kind = 'rated'
    GROUP BY f.tenant, f.request_id
) AS r ON r.tenant = t.tenant AND r.request_id = t.request_id
COMMENT 'Grain: one row per accepted request that has ended, refusals too, with its ratings.';
