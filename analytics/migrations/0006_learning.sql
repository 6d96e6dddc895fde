CREATE TABLE IF NOT EXISTS preference_scores
(
    tenant LowCardinality(String) COMMENT 'Tenant; ''system'' for what belongs to none',
    event_ts DateTime64(6, 'UTC') COMMENT 'When it happened (the event''s own time; the broker''s where that is missing or more than 400 days off)' CODEC(Delta, ZSTD(1)),
    event_id String COMMENT 'Id of the event; of records without one, the id of their position' CODEC(ZSTD(1)),
    src_topic LowCardinality(String) COMMENT 'Topic of the record',
    src_partition UInt16 COMMENT 'Partition of the record',
    src_offset UInt64 COMMENT 'Offset of the record' CODEC(Delta, ZSTD(1)),
    user String COMMENT 'User; '''' where none was named',
    model LowCardinality(String) COMMENT 'Model id of the catalog',
    version UInt64 COMMENT 'Counts up with every change of the user''s row',
    observations UInt64 COMMENT 'Events behind the row',
    score Float64 COMMENT 'Preference 0 to 1; 0.5 knows nothing',
    answers UInt64 COMMENT 'Answers of this model',
    overrides_to UInt64 COMMENT 'Overrides towards this model',
    overrides_from UInt64 COMMENT 'Overrides away from it',
    ratings UInt64 COMMENT 'Number of ratings',
    rating_sum Float64 COMMENT 'Sum of ratings',
    regenerations UInt64 COMMENT 'Answers asked for again',
    conversations UInt64 COMMENT 'Conversations that ended',
    conversation_length_sum Float64 COMMENT 'Sum of their lengths',
    first_wins UInt64 DEFAULT 18446744073709551615 - src_offset COMMENT 'Version for the engine: of rows with one key the earliest offset stays',
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was inserted'
)
ENGINE = ReplacingMergeTree(first_wins)
PARTITION BY toYYYYMM(event_ts)
ORDER BY (tenant, user, model, version)
COMMENT 'Grain: one row per user, model and version of what the feedback stage learned; the highest version is in force.';

CREATE TABLE IF NOT EXISTS model_statistics
(
    tenant LowCardinality(String) COMMENT 'Tenant; ''system'' for what belongs to none',
    event_ts DateTime64(6, 'UTC') COMMENT 'When it happened (the event''s own time; the broker''s where that is missing or more than 400 days off)' CODEC(Delta, ZSTD(1)),
    event_id String COMMENT 'Id of the event; of records without one, the id of their position' CODEC(ZSTD(1)),
    src_topic LowCardinality(String) COMMENT 'Topic of the record',
    src_partition UInt16 COMMENT 'Partition of the record',
    src_offset UInt64 COMMENT 'Offset of the record' CODEC(Delta, ZSTD(1)),
    partition UInt16 COMMENT 'Partition',
    model LowCardinality(String) COMMENT 'Model id of the catalog',
    task_type LowCardinality(String) COMMENT 'Kind of work',
    version UInt64 COMMENT 'Counts up with every change',
    calls UInt64 COMMENT 'Calls that ended',
    successes UInt64 COMMENT 'Of them successful',
    failures UInt64 COMMENT 'Of them failed',
    unknowns UInt64 COMMENT 'Of them unknown',
    ratings UInt64 COMMENT 'Number of ratings',
    rating_sum Float64 COMMENT 'Sum of ratings',
    input_tokens UInt64 COMMENT 'Tokens read' CODEC(T64, ZSTD(1)),
    output_tokens UInt64 COMMENT 'Tokens generated' CODEC(T64, ZSTD(1)),
    cost_pico UInt64 COMMENT 'Cost in 1e-12 dollars',
    latency_buckets String COMMENT 'Histogram as JSON object: bucket b counts latencies up to 2^(b/4) ms',
    ttft_buckets String COMMENT 'The same for the first token',
    first_wins UInt64 DEFAULT 18446744073709551615 - src_offset COMMENT 'Version for the engine: of rows with one key the earliest offset stays',
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was inserted'
)
ENGINE = ReplacingMergeTree(first_wins)
PARTITION BY toYYYYMM(event_ts)
ORDER BY (partition, model, task_type, version)
COMMENT 'Grain: one row per source partition, model, task type and version; add the highest versions of all partitions up.';

CREATE TABLE IF NOT EXISTS provider_health
(
    tenant LowCardinality(String) COMMENT 'Tenant; ''system'' for what belongs to none',
    event_ts DateTime64(6, 'UTC') COMMENT 'When it happened (the event''s own time; the broker''s where that is missing or more than 400 days off)' CODEC(Delta, ZSTD(1)),
    event_id String COMMENT 'Id of the event; of records without one, the id of their position' CODEC(ZSTD(1)),
    src_topic LowCardinality(String) COMMENT 'Topic of the record',
    src_partition UInt16 COMMENT 'Partition of the record',
    src_offset UInt64 COMMENT 'Offset of the record' CODEC(Delta, ZSTD(1)),
    provider LowCardinality(String) COMMENT 'Provider endpoint',
    model LowCardinality(String) COMMENT 'Model id of the catalog',
    instance LowCardinality(String) COMMENT 'Executor instance',
    state LowCardinality(String) COMMENT 'closed, half_open or open',
    region LowCardinality(String) COMMENT 'Region',
    version UInt64 COMMENT 'Counts up per instance',
    error_rate Float64 COMMENT 'Share of errors, 0 to 1',
    rate_limited_until Nullable(DateTime64(6, 'UTC')) COMMENT 'Until when the provider limits us',
    first_wins UInt64 DEFAULT 18446744073709551615 - src_offset COMMENT 'Version for the engine: of rows with one key the earliest offset stays',
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was inserted'
)
ENGINE = ReplacingMergeTree(first_wins)
PARTITION BY toYYYYMM(event_ts)
ORDER BY (provider, model, instance, event_id)
COMMENT 'Grain: one row per state of an endpoint as one executor saw it; the highest version of an instance is its present state.';
