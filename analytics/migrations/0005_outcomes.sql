CREATE TABLE IF NOT EXISTS technical_outcomes
(
    tenant LowCardinality(String) COMMENT 'Tenant; ''system'' for what belongs to none',
    event_ts DateTime64(6, 'UTC') COMMENT 'When it happened (the event''s own time; the broker''s where that is missing or more than 400 days off)' CODEC(Delta, ZSTD(1)),
    event_id String COMMENT 'Id of the event; of records without one, the id of their position' CODEC(ZSTD(1)),
    src_topic LowCardinality(String) COMMENT 'Topic of the record',
    src_partition UInt16 COMMENT 'Partition of the record',
    src_offset UInt64 COMMENT 'Offset of the record' CODEC(Delta, ZSTD(1)),
    request_id String COMMENT 'Request',
    user String COMMENT 'User; '''' where none was named',
    conversation_id String COMMENT 'Conversation',
    status LowCardinality(String) COMMENT 'How it ended',
    result_id String COMMENT 'Its final result (event_id in results)',
    decision_id String COMMENT 'Decision (event_id in routing_decisions)',
    model LowCardinality(String) COMMENT 'Model id of the catalog',
    task_type LowCardinality(String) COMMENT 'Kind of work',
    complexity LowCardinality(String) COMMENT 'simple, medium, complex or critical',
    tier UInt8 COMMENT 'Routing tier 1 to 4 that decided; 0 where none did',
    decisions UInt16 COMMENT 'Number of decisions',
    attempts UInt16 COMMENT 'Number of attempts',
    fallbacks UInt16 COMMENT 'Number of attempts after the first',
    cost Decimal(18, 12) COMMENT 'Dollars',
    estimated_cost Decimal(18, 12) COMMENT 'Dollars expected when it was decided',
    estimated_latency_ms Nullable(UInt32) COMMENT 'Milliseconds expected when it was decided',
    latency_ms Nullable(UInt32) COMMENT 'Milliseconds to the end of the answer',
    ttft_ms Nullable(UInt32) COMMENT 'Milliseconds to the first token',
    input_tokens UInt64 COMMENT 'Tokens read, cached ones included' CODEC(T64, ZSTD(1)),
    cached_input_tokens UInt64 COMMENT 'Of the input: read from the provider''s cache' CODEC(T64, ZSTD(1)),
    cache_write_tokens UInt64 COMMENT 'Of the input: written to the provider''s cache' CODEC(T64, ZSTD(1)),
    cache_write_1h_tokens UInt64 COMMENT 'Of the cache writes: kept for an hour' CODEC(T64, ZSTD(1)),
    output_tokens UInt64 COMMENT 'Tokens generated, reasoning included' CODEC(T64, ZSTD(1)),
    reasoning_tokens UInt64 COMMENT 'Of the output: reasoning' CODEC(T64, ZSTD(1)),
    audio_seconds UInt64 COMMENT 'Seconds of audio' CODEC(T64, ZSTD(1)),
    characters UInt64 COMMENT 'Characters spoken' CODEC(T64, ZSTD(1)),
    images UInt64 COMMENT 'Pictures made' CODEC(T64, ZSTD(1)),
    requests UInt64 COMMENT 'Calls charged by the piece' CODEC(T64, ZSTD(1)),
    provider_cost Nullable(Decimal(18, 12)) COMMENT 'Dollars the provider itself reported',
    usage_estimated Bool COMMENT 'True where the provider reported no usage',
    conversation_turns UInt32 COMMENT 'Messages of the conversation so far',
    tools Array(LowCardinality(String)) COMMENT 'Internal tools offered',
    mcp_tools Array(LowCardinality(String)) COMMENT 'MCP tools offered',
    use_case LowCardinality(String) COMMENT 'Use case',
    space LowCardinality(String) COMMENT 'Space',
    area LowCardinality(String) COMMENT 'Area of the space',
    prompt_version LowCardinality(String) COMMENT 'Version of the prompt template',
    override_model LowCardinality(String) COMMENT 'Model that a person asked for',
    simulated Bool COMMENT 'True for simulated providers',
    first_wins UInt64 DEFAULT 18446744073709551615 - src_offset COMMENT 'Version for the engine: of rows with one key the earliest offset stays',
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was inserted',
    INDEX by_request_id request_id TYPE bloom_filter(0.01)
)
ENGINE = ReplacingMergeTree(first_wins)
PARTITION BY toYYYYMM(event_ts)
ORDER BY (tenant, toDate(event_ts), model, event_id)
COMMENT 'Grain: one row per accepted request that has ended, refusals too; joins to no other table are needed to count.';

CREATE TABLE IF NOT EXISTS feedback_outcomes
(
    tenant LowCardinality(String) COMMENT 'Tenant; ''system'' for what belongs to none',
    event_ts DateTime64(6, 'UTC') COMMENT 'When it happened (the event''s own time; the broker''s where that is missing or more than 400 days off)' CODEC(Delta, ZSTD(1)),
    event_id String COMMENT 'Id of the event; of records without one, the id of their position' CODEC(ZSTD(1)),
    src_topic LowCardinality(String) COMMENT 'Topic of the record',
    src_partition UInt16 COMMENT 'Partition of the record',
    src_offset UInt64 COMMENT 'Offset of the record' CODEC(Delta, ZSTD(1)),
    kind LowCardinality(String) COMMENT 'rated, or the signal: regenerated, edited, abandoned, conversation_length, tool_success',
    value Float64 COMMENT 'Rating 0 to 1, or the value of the signal',
    request_id String COMMENT 'Request',
    user String COMMENT 'User; '''' where none was named',
    conversation_id String COMMENT 'Conversation',
    decision_id String COMMENT 'Decision (event_id in routing_decisions)',
    model LowCardinality(String) COMMENT 'Model id of the catalog',
    task_type LowCardinality(String) COMMENT 'Kind of work',
    comment_length UInt32 COMMENT 'Characters of the comment',
    first_wins UInt64 DEFAULT 18446744073709551615 - src_offset COMMENT 'Version for the engine: of rows with one key the earliest offset stays',
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was inserted',
    INDEX by_request_id request_id TYPE bloom_filter(0.01)
)
ENGINE = ReplacingMergeTree(first_wins)
PARTITION BY toYYYYMM(event_ts)
ORDER BY (tenant, toDate(event_ts), event_id)
COMMENT 'Grain: one row per rating and per signal inferred from behaviour.';

CREATE TABLE IF NOT EXISTS overrides
(
    tenant LowCardinality(String) COMMENT 'Tenant; ''system'' for what belongs to none',
    event_ts DateTime64(6, 'UTC') COMMENT 'When it happened (the event''s own time; the broker''s where that is missing or more than 400 days off)' CODEC(Delta, ZSTD(1)),
    event_id String COMMENT 'Id of the event; of records without one, the id of their position' CODEC(ZSTD(1)),
    src_topic LowCardinality(String) COMMENT 'Topic of the record',
    src_partition UInt16 COMMENT 'Partition of the record',
    src_offset UInt64 COMMENT 'Offset of the record' CODEC(Delta, ZSTD(1)),
    kind LowCardinality(String) COMMENT 'Short name of the event type',
    override_id String COMMENT 'Override',
    scope LowCardinality(String) COMMENT 'request, conversation, area, space or always',
    model LowCardinality(String) COMMENT 'Model asked for; auto lifts the override',
    from_model LowCardinality(String) COMMENT 'Model that would have served otherwise',
    task_type LowCardinality(String) COMMENT 'Kind of work',
    request_id String COMMENT 'Request',
    user String COMMENT 'User; '''' where none was named',
    conversation_id String COMMENT 'Conversation',
    space LowCardinality(String) COMMENT 'Space',
    area LowCardinality(String) COMMENT 'Area of the space',
    decision_id String COMMENT 'Decision (event_id in routing_decisions)',
    reason String COMMENT 'Why, for people',
    first_wins UInt64 DEFAULT 18446744073709551615 - src_offset COMMENT 'Version for the engine: of rows with one key the earliest offset stays',
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was inserted',
    INDEX by_request_id request_id TYPE bloom_filter(0.01)
)
ENGINE = ReplacingMergeTree(first_wins)
PARTITION BY toYYYYMM(event_ts)
ORDER BY (tenant, toDate(event_ts), event_id)
COMMENT 'Grain: one row per override event: requested by a person, then applied, too_late or rejected by the router, all with one override_id.';
