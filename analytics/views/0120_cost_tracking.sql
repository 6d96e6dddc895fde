CREATE OR REPLACE VIEW cost_tracking
(
    tenant LowCardinality(String) COMMENT 'Tenant',
    event_ts DateTime64(6, 'UTC') COMMENT 'When',
    day Date COMMENT 'Day, UTC',
    event_id String COMMENT 'Ledger event',
    kind LowCardinality(String) COMMENT 'settled, forfeited (the whole hold, outcome unknown) or adjusted (a forfeit corrected)',
    request_id String COMMENT 'Request',
    decision_id String COMMENT 'Decision',
    attempt_id String COMMENT 'Attempt',
    model String COMMENT 'Model',
    provider String COMMENT 'Provider endpoint',
    task_type String COMMENT 'Kind of work; '''' for advice',
    user String COMMENT 'User',
    cost Decimal(18, 12) COMMENT 'Dollars',
    overrun Decimal(18, 12) COMMENT 'Dollars by which a settlement passed its hold',
    input_tokens UInt64 COMMENT 'Tokens read, cached ones included',
    cached_input_tokens UInt64 COMMENT 'Of the input: read from the provider''s cache',
    output_tokens UInt64 COMMENT 'Tokens generated, reasoning included',
    reasoning_tokens UInt64 COMMENT 'Of the output: reasoning',
    purpose String COMMENT 'What was paid for: answer; advice before a decision, or a probe of a model (routing''s own spend)'
)
AS
SELECT
    l.tenant AS tenant,
    l.event_ts AS event_ts,
    toDate(l.event_ts) AS day,
    l.event_id AS event_id,
    l.kind AS kind,
    l.request_id AS request_id,
    l.decision_id AS decision_id,
    l.attempt_id AS attempt_id,
    if(a.model != '', a.model, d.model) AS model,
    if(a.provider != '', a.provider, d.provider) AS provider,
    multiIf(purpose = 'advice', '', a.task_type != '', a.task_type, d.task_type) AS task_type,
    d.user AS user,
    l.charge AS cost,
    l.overrun AS overrun,
    if(l.kind = 'forfeited', 0, a.input_tokens) AS input_tokens,
    if(l.kind = 'forfeited', 0, a.cached_input_tokens) AS cached_input_tokens,
    if(l.kind = 'forfeited', 0, a.output_tokens) AS output_tokens,
    if(l.kind = 'forfeited', 0, a.reasoning_tokens) AS reasoning_tokens,
    if(d.purpose != '', d.purpose, 'answer') AS purpose
FROM ledger_entries AS l FINAL
LEFT JOIN v_attempts AS a ON a.tenant = l.tenant AND a.attempt_id = l.attempt_id
LEFT JOIN
(
    SELECT u.tenant AS tenant, u.event_id AS event_id, any(u.model) AS model, any(u.provider) AS provider, any(u.task_type) AS task_type, any(u.user) AS user, max(u.purpose) AS purpose
    FROM
    (
        SELECT r.tenant AS tenant, r.event_id AS event_id, r.model AS model, r.provider AS provider, r.task_type AS task_type, r.user AS user, if(r.probe, 'probe', 'answer') AS purpose
        FROM routing_decisions AS r FINAL
        UNION ALL
        SELECT o.tenant AS tenant, o.event_id AS event_id, o.model AS model, o.provider AS provider, '' AS task_type, o.user AS user, 'advice' AS purpose
        FROM advice_orders AS o FINAL
    ) AS u
    GROUP BY u.tenant, u.event_id
) AS d ON d.tenant = l.tenant AND d.event_id = l.decision_id
WHERE l.kind IN ('settled', 'forfeited', 'adjusted')
COMMENT 'Grain: one row per ledger entry that changes what a tenant has spent. The sum of cost is the spending, exactly.';
