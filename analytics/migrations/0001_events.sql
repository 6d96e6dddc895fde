CREATE TABLE IF NOT EXISTS events
(
    tenant LowCardinality(String) COMMENT 'Tenant; ''system'' for what belongs to none',
    event_ts DateTime64(6, 'UTC') COMMENT 'When it happened (the event''s own time; the broker''s where that is missing or more than 400 days off)' CODEC(Delta, ZSTD(1)),
    event_id String COMMENT 'Id of the event; of records without one, the id of their position' CODEC(ZSTD(1)),
    src_topic LowCardinality(String) COMMENT 'Topic of the record',
    src_partition UInt16 COMMENT 'Partition of the record',
    src_offset UInt64 COMMENT 'Offset of the record' CODEC(Delta, ZSTD(1)),
    type LowCardinality(String) COMMENT 'Versioned event type; preferences.row and the like on topics of rows; unparsed; tombstone',
    parse_error LowCardinality(String) COMMENT 'Why the record is no event, or which required value its own table lacked',
    append_ts DateTime64(6, 'UTC') COMMENT 'The broker''s time of the record' CODEC(Delta, ZSTD(1)),
    occurred_at Nullable(DateTime64(6, 'UTC')) COMMENT 'Time the event itself names',
    record_key String COMMENT 'Key of the record',
    body_bytes UInt32 COMMENT 'Length of the value',
    request_id String COMMENT 'Request',
    user String COMMENT 'User; '''' where none was named',
    conversation_id String COMMENT 'Conversation',
    causation_id String COMMENT 'Event or position that caused this one',
    source LowCardinality(String) COMMENT 'Who wrote the event',
    traceparent String COMMENT 'W3C trace context',
    first_wins UInt64 DEFAULT 18446744073709551615 - src_offset COMMENT 'Version for the engine: of rows with one key the earliest offset stays',
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was inserted',
    INDEX by_event_id event_id TYPE bloom_filter(0.01),
    INDEX by_request_id request_id TYPE bloom_filter(0.01)
)
ENGINE = ReplacingMergeTree(first_wins)
PARTITION BY toYYYYMM(event_ts)
ORDER BY (tenant, toDate(event_ts), type, event_id)
COMMENT 'Grain: one row per event of every recorded topic, dead letters included. A record that is no event of its topic is a row of type unparsed, a deletion on a compacted topic one of type tombstone. An event written twice (same tenant, day, type and id) is one row: the first in log order.';

CREATE TABLE IF NOT EXISTS event_bodies
(
    tenant LowCardinality(String) COMMENT 'Tenant; ''system'' for what belongs to none',
    event_ts DateTime64(6, 'UTC') COMMENT 'When it happened (the event''s own time; the broker''s where that is missing or more than 400 days off)' CODEC(Delta, ZSTD(1)),
    event_id String COMMENT 'Id of the event; of records without one, the id of their position' CODEC(ZSTD(1)),
    src_topic LowCardinality(String) COMMENT 'Topic of the record',
    src_partition UInt16 COMMENT 'Partition of the record',
    src_offset UInt64 COMMENT 'Offset of the record' CODEC(Delta, ZSTD(1)),
    type LowCardinality(String) COMMENT 'As in events',
    append_ts DateTime64(6, 'UTC') COMMENT 'The broker''s time of the record' CODEC(Delta, ZSTD(1)),
    body String COMMENT 'The value as it lay on the topic' CODEC(ZSTD(1)) TTL toDateTime(append_ts) + INTERVAL 30 DAY,
    first_wins UInt64 DEFAULT 18446744073709551615 - src_offset COMMENT 'Version for the engine: of rows with one key the earliest offset stays',
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was inserted'
)
ENGINE = ReplacingMergeTree(first_wins)
PARTITION BY toYYYYMM(event_ts)
ORDER BY (tenant, toDate(event_ts), type, event_id)
COMMENT 'Grain: one row per row of events, with its JSON value for 30 days after it was written; then the row stays and the value is empty. Prompts and answers lie here only.';
