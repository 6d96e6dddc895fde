CREATE TABLE IF NOT EXISTS advice_orders
(
    tenant LowCardinality(String) COMMENT 'Tenant; ''system'' for what belongs to none',
    event_ts DateTime64(6, 'UTC') COMMENT 'When it happened (the event''s own time; the broker''s where that is missing or more than 400 days off)' CODEC(Delta, ZSTD(1)),
    event_id String COMMENT 'Id of the event; of records without one, the id of their position' CODEC(ZSTD(1)),
    src_topic LowCardinality(String) COMMENT 'Topic of the record',
    src_partition UInt16 COMMENT 'Partition of the record',
    src_offset UInt64 COMMENT 'Offset of the record' CODEC(Delta, ZSTD(1)),
    kind LowCardinality(String) COMMENT 'What was asked: classify (what kind of work it is) or route (which model should do it)',
    request_id String COMMENT 'Request',
    user String COMMENT 'User; '''' where none was named',
    conversation_id String COMMENT 'Conversation',
    space LowCardinality(String) COMMENT 'Space',
    model LowCardinality(String) COMMENT 'The adviser: model id of the catalog',
    provider LowCardinality(String) COMMENT 'Provider endpoint',
    provider_model LowCardinality(String) COMMENT 'The provider''s own id of the model',
    options Array(LowCardinality(String)) COMMENT 'Of route: models it may name, best by score first',
    input_tokens UInt64 COMMENT 'Input tokens expected',
    output_tokens UInt64 COMMENT 'Output tokens expected',
    estimated_cost Nullable(Decimal(18, 12)) COMMENT 'Dollars expected',
    estimated_latency_ms Nullable(UInt32) COMMENT 'Milliseconds expected',
    timeout_ms Nullable(UInt32) COMMENT 'Longest wait; then the local tiers decide',
    hold_amount Nullable(Decimal(18, 12)) COMMENT 'Dollars reserved',
    policy LowCardinality(String) COMMENT 'Policy, name@version',
    catalog LowCardinality(String) COMMENT 'Catalog, name@version',
    price_book LowCardinality(String) COMMENT 'Price book, name@version',
    deadline Nullable(DateTime64(6, 'UTC')) COMMENT 'No call runs longer',
    config_offset UInt64 COMMENT 'Offset on config up to which documents were read',
    engine LowCardinality(String) COMMENT 'Version of the code that computed it',
    first_wins UInt64 DEFAULT 18446744073709551615 - src_offset COMMENT 'Version for the engine: of rows with one key the earliest offset stays',
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was inserted',
    INDEX by_request_id request_id TYPE bloom_filter(0.01)
)
ENGINE = ReplacingMergeTree(first_wins)
PARTITION BY toYYYYMM(event_ts)
ORDER BY (tenant, toDate(event_ts), event_id)
COMMENT 'Grain: one row per advice that was asked for before a decision; event_id is what ledger_entries and provider_calls call its decision_id.';

CREATE TABLE IF NOT EXISTS user_settings
(
    tenant LowCardinality(String) COMMENT 'Tenant; ''system'' for what belongs to none',
    event_ts DateTime64(6, 'UTC') COMMENT 'When it happened (the event''s own time; the broker''s where that is missing or more than 400 days off)' CODEC(Delta, ZSTD(1)),
    event_id String COMMENT 'Id of the event; of records without one, the id of their position' CODEC(ZSTD(1)),
    src_topic LowCardinality(String) COMMENT 'Topic of the record',
    src_partition UInt16 COMMENT 'Partition of the record',
    src_offset UInt64 COMMENT 'Offset of the record' CODEC(Delta, ZSTD(1)),
    kind LowCardinality(String) COMMENT 'changed (asked by a client), then applied or rejected by the router',
    change_id String COMMENT 'Change, the same in question and answer',
    user String COMMENT 'User',
    auto LowCardinality(String) COMMENT 'on, off or fixed; '''' where not changed',
    model LowCardinality(String) COMMENT 'Model of Auto fixed',
    display LowCardinality(String) COMMENT 'badge, box or off',
    preferred_models Array(LowCardinality(String)) COMMENT 'Preferred models',
    avoided_models Array(LowCardinality(String)) COMMENT 'Avoided models',
    profile LowCardinality(String) COMMENT 'Capability profile',
    reset Array(LowCardinality(String)) COMMENT 'Settings that go back to their defaults (changed)',
    reason String COMMENT 'The router''s reason',
    first_wins UInt64 DEFAULT 18446744073709551615 - src_offset COMMENT 'Version for the engine: of rows with one key the earliest offset stays',
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was inserted'
)
ENGINE = ReplacingMergeTree(first_wins)
PARTITION BY toYYYYMM(event_ts)
ORDER BY (tenant, toDate(event_ts), user, event_id)
COMMENT 'Grain: one row per change of a user''s settings that was asked for (only what changes is set) and per answer of the router; applied has all settings of the user from then on.';
