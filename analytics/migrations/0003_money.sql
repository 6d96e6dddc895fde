CREATE TABLE IF NOT EXISTS ledger_entries
(
    tenant LowCardinality(String) COMMENT 'Tenant; ''system'' for what belongs to none',
    event_ts DateTime64(6, 'UTC') COMMENT 'When it happened (the event''s own time; the broker''s where that is missing or more than 400 days off)' CODEC(Delta, ZSTD(1)),
    event_id String COMMENT 'Id of the event; of records without one, the id of their position' CODEC(ZSTD(1)),
    src_topic LowCardinality(String) COMMENT 'Topic of the record',
    src_partition UInt16 COMMENT 'Partition of the record',
    src_offset UInt64 COMMENT 'Offset of the record' CODEC(Delta, ZSTD(1)),
    kind LowCardinality(String) COMMENT 'Short name of the event type',
    request_id String COMMENT 'Request',
    hold_id String COMMENT 'Hold, one per decision',
    decision_id String COMMENT 'Decision (event_id in routing_decisions)',
    attempt_id String COMMENT 'Attempt (attempt_id in provider_calls)',
    number UInt16 COMMENT 'Number of the decision within its request (held)',
    amount Decimal(18, 12) COMMENT 'Dollars named by the event',
    charge Decimal(18, 12) COMMENT 'Dollars it adds to the spending: settled and forfeited amounts, adjustments (may be negative), else 0',
    overrun Decimal(18, 12) COMMENT 'Dollars by which a settlement passed its hold',
    reason String COMMENT 'Why, for people',
    window_kinds Array(LowCardinality(String)) COMMENT 'Budget windows the hold counts in (held): day, month',
    window_starts Array(DateTime64(6, 'UTC')) COMMENT 'Their starts, UTC',
    window_ends Array(DateTime64(6, 'UTC')) COMMENT 'Their ends, UTC, exclusive',
    window_caps Array(Nullable(Decimal(38, 12))) COMMENT 'Their caps in dollars; NULL without a cap',
    per_request_cap Nullable(Decimal(38, 12)) COMMENT 'Cap of one request in dollars',
    config_offset UInt64 COMMENT 'Offset on config up to which documents were read',
    first_wins UInt64 DEFAULT 18446744073709551615 - src_offset COMMENT 'Version for the engine: of rows with one key the earliest offset stays',
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was inserted',
    INDEX by_request_id request_id TYPE bloom_filter(0.01),
    INDEX by_hold_id hold_id TYPE bloom_filter(0.01)
)
ENGINE = ReplacingMergeTree(first_wins)
PARTITION BY toYYYYMM(event_ts)
ORDER BY (tenant, toDate(event_ts), kind, event_id)
COMMENT 'Grain: one row per money event: held, settled, released, forfeited, adjusted, conflicted. The sum of charge is what a tenant has spent.';

CREATE TABLE IF NOT EXISTS model_prices
(
    tenant LowCardinality(String) COMMENT 'Tenant; ''system'' for what belongs to none',
    event_ts DateTime64(6, 'UTC') COMMENT 'When it happened (the event''s own time; the broker''s where that is missing or more than 400 days off)' CODEC(Delta, ZSTD(1)),
    event_id String COMMENT 'Id of the event; of records without one, the id of their position' CODEC(ZSTD(1)),
    src_topic LowCardinality(String) COMMENT 'Topic of the record',
    src_partition UInt16 COMMENT 'Partition of the record',
    src_offset UInt64 COMMENT 'Offset of the record' CODEC(Delta, ZSTD(1)),
    price_book LowCardinality(String) COMMENT 'Price book',
    version UInt32 COMMENT 'Version',
    model LowCardinality(String) COMMENT 'Model id of the catalog',
    since DateTime64(6, 'UTC') COMMENT 'First instant of the price',
    input_per_million Nullable(Decimal(38, 12)) COMMENT 'Dollars per million input tokens',
    output_per_million Nullable(Decimal(38, 12)) COMMENT 'Dollars per million output tokens',
    cached_input_per_million Nullable(Decimal(38, 12)) COMMENT 'Dollars per million tokens read from cache; NULL: as input',
    cache_write_per_million Nullable(Decimal(38, 12)) COMMENT 'Dollars per million tokens written to cache for 5 minutes; NULL: as input',
    cache_write_1h_per_million Nullable(Decimal(38, 12)) COMMENT 'Dollars per million tokens written to cache for an hour; NULL: as input',
    per_request Nullable(Decimal(38, 12)) COMMENT 'Dollars per call',
    per_second Nullable(Decimal(38, 12)) COMMENT 'Dollars per second of audio',
    per_character Nullable(Decimal(38, 12)) COMMENT 'Dollars per character',
    per_image Nullable(Decimal(38, 12)) COMMENT 'Dollars per picture',
    first_wins UInt64 DEFAULT 18446744073709551615 - src_offset COMMENT 'Version for the engine: of rows with one key the earliest offset stays',
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was inserted'
)
ENGINE = ReplacingMergeTree(first_wins)
PARTITION BY toYYYYMM(event_ts)
ORDER BY (price_book, version, model, since)
COMMENT 'Grain: one row per price of a model in one version of a price book, in force from since on.';
