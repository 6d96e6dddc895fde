CREATE OR REPLACE VIEW rate_limit_events
(
    tenant LowCardinality(String) COMMENT 'Tenant',
    event_ts DateTime64(6, 'UTC') COMMENT 'When',
    request_id String COMMENT 'Request',
    attempt_id String COMMENT 'Attempt',
    provider LowCardinality(String) COMMENT 'Provider endpoint',
    model LowCardinality(String) COMMENT 'Model',
    status Nullable(UInt32) COMMENT 'HTTP status',
    retry_after_ms Nullable(UInt32) COMMENT 'Milliseconds the provider asked to wait',
    instance LowCardinality(String) COMMENT 'Executor instance'
)
AS
SELECT
    c.tenant AS tenant,
    c.event_ts AS event_ts,
    c.request_id AS request_id,
    c.attempt_id AS attempt_id,
    c.provider AS provider,
    c.model AS model,
    c.status AS status,
    c.retry_after_ms AS retry_after_ms,
    c.instance AS instance
FROM provider_calls AS c FINAL
WHERE c.kind = 'failed' AND (c.category = 'rate_limited' OR c.status = 429)
COMMENT 'Grain: one row per call that a provider refused because of a rate limit.';
