CREATE TABLE IF NOT EXISTS journal_batches
(
    tenant LowCardinality(String) COMMENT 'Tenant; ''system'' for what belongs to none',
    event_ts DateTime64(6, 'UTC') COMMENT 'When it happened (the event''s own time; the broker''s where that is missing or more than 400 days off)' CODEC(Delta, ZSTD(1)),
    event_id String COMMENT 'Id of the event; of records without one, the id of their position' CODEC(ZSTD(1)),
    src_topic LowCardinality(String) COMMENT 'Topic of the record',
    src_partition UInt16 COMMENT 'Partition of the record',
    src_offset UInt64 COMMENT 'Offset of the record' CODEC(Delta, ZSTD(1)),
    partition UInt16 COMMENT 'Partition',
    partitions UInt16 COMMENT 'Number of partitions',
    batch UInt64 COMMENT 'Number of the batch',
    inputs String COMMENT 'Offsets read, as JSON object topic -> [first, next]',
    globals String COMMENT 'Positions of global topics, as JSON object',
    now_ms UInt64 COMMENT 'Clock of the batch, Unix milliseconds',
    engine LowCardinality(String) COMMENT 'Version of the code that computed it',
    last_writes String COMMENT 'Last batch that wrote to each output topic, as JSON object',
    first_wins UInt64 DEFAULT 18446744073709551615 - src_offset COMMENT 'Version for the engine: of rows with one key the earliest offset stays',
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was inserted'
)
ENGINE = ReplacingMergeTree(first_wins)
PARTITION BY toYYYYMM(event_ts)
ORDER BY (partition, batch, event_id)
COMMENT 'Grain: one row per router transaction and partition.';

CREATE TABLE IF NOT EXISTS config_versions
(
    tenant LowCardinality(String) COMMENT 'Tenant; ''system'' for what belongs to none',
    event_ts DateTime64(6, 'UTC') COMMENT 'When it happened (the event''s own time; the broker''s where that is missing or more than 400 days off)' CODEC(Delta, ZSTD(1)),
    event_id String COMMENT 'Id of the event; of records without one, the id of their position' CODEC(ZSTD(1)),
    src_topic LowCardinality(String) COMMENT 'Topic of the record',
    src_partition UInt16 COMMENT 'Partition of the record',
    src_offset UInt64 COMMENT 'Offset of the record' CODEC(Delta, ZSTD(1)),
    kind LowCardinality(String) COMMENT 'catalog, prices, policy, tenant, provider, ...',
    name LowCardinality(String) COMMENT 'Name',
    version UInt32 COMMENT 'Version',
    comment String COMMENT 'Comment of the publisher',
    document String COMMENT 'The document as JSON',
    first_wins UInt64 DEFAULT 18446744073709551615 - src_offset COMMENT 'Version for the engine: of rows with one key the earliest offset stays',
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was inserted'
)
ENGINE = ReplacingMergeTree(first_wins)
PARTITION BY toYYYYMM(event_ts)
ORDER BY (kind, name, version, event_id)
COMMENT 'Grain: one row per published configuration document.';

CREATE TABLE IF NOT EXISTS alerts
(
    tenant LowCardinality(String) COMMENT 'Tenant; ''system'' for what belongs to none',
    event_ts DateTime64(6, 'UTC') COMMENT 'When it happened (the event''s own time; the broker''s where that is missing or more than 400 days off)' CODEC(Delta, ZSTD(1)),
    event_id String COMMENT 'Id of the event; of records without one, the id of their position' CODEC(ZSTD(1)),
    src_topic LowCardinality(String) COMMENT 'Topic of the record',
    src_partition UInt16 COMMENT 'Partition of the record',
    src_offset UInt64 COMMENT 'Offset of the record' CODEC(Delta, ZSTD(1)),
    kind LowCardinality(String) COMMENT 'What it is about',
    severity LowCardinality(String) COMMENT 'info, warning or critical',
    message String COMMENT 'Text for people',
    details String COMMENT 'Details as JSON object',
    first_wins UInt64 DEFAULT 18446744073709551615 - src_offset COMMENT 'Version for the engine: of rows with one key the earliest offset stays',
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was inserted'
)
ENGINE = ReplacingMergeTree(first_wins)
PARTITION BY toYYYYMM(event_ts)
ORDER BY (tenant, toDate(event_ts), event_id)
COMMENT 'Grain: one row per alert.';

CREATE TABLE IF NOT EXISTS dead_letters
(
    tenant LowCardinality(String) COMMENT 'Tenant; ''system'' for what belongs to none',
    event_ts DateTime64(6, 'UTC') COMMENT 'When it happened (the event''s own time; the broker''s where that is missing or more than 400 days off)' CODEC(Delta, ZSTD(1)),
    event_id String COMMENT 'Id of the event; of records without one, the id of their position' CODEC(ZSTD(1)),
    src_topic LowCardinality(String) COMMENT 'Topic of the record',
    src_partition UInt16 COMMENT 'Partition of the record',
    src_offset UInt64 COMMENT 'Offset of the record' CODEC(Delta, ZSTD(1)),
    stage LowCardinality(String) COMMENT 'Stage that refused it',
    code LowCardinality(String) COMMENT 'Reason code',
    reason String COMMENT 'Why, for people',
    topic LowCardinality(String) COMMENT 'Topic of the refused record',
    partition UInt16 COMMENT 'Partition of the refused record',
    offset UInt64 COMMENT 'Offset of the refused record',
    append_time_ms UInt64 COMMENT 'When the refused record was written, Unix milliseconds',
    value_length UInt32 COMMENT 'Length of its value',
    value_sha256 String COMMENT 'SHA-256 of its value, where the value was too large to keep',
    engine LowCardinality(String) COMMENT 'Version of the code that computed it',
    first_wins UInt64 DEFAULT 18446744073709551615 - src_offset COMMENT 'Version for the engine: of rows with one key the earliest offset stays',
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was inserted'
)
ENGINE = ReplacingMergeTree(first_wins)
PARTITION BY toYYYYMM(event_ts)
ORDER BY (tenant, toDate(event_ts), event_id)
COMMENT 'Grain: one row per refused record.';
