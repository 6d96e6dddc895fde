CREATE OR REPLACE VIEW fallback_events
(
    tenant LowCardinality(String) COMMENT 'Tenant',
    event_ts DateTime64(6, 'UTC') COMMENT 'When',
    request_id String COMMENT 'Request',
    decision_id String COMMENT 'Decision',
    attempt_id String COMMENT 'Attempt',
    task_type String COMMENT 'Kind of work',
    from_model String COMMENT 'Model of the attempt before',
    from_outcome String COMMENT 'How that ended: failed or unknown',
    reason String COMMENT 'Its error category',
    to_model String COMMENT 'Model of this attempt',
    outcome String COMMENT 'How this attempt ended',
    cost Decimal(18, 12) COMMENT 'Dollars'
)
AS
SELECT
    tenant, event_ts, request_id, decision_id, attempt_id, task_type, from_model, from_outcome, reason, to_model, outcome, cost
FROM
(
    SELECT
        a.tenant AS tenant,
        a.started_at AS event_ts,
        a.request_id AS request_id,
        a.decision_id AS decision_id,
        a.attempt_id AS attempt_id,
        a.task_type AS task_type,
        a.model AS to_model,
        a.outcome AS outcome,
        a.cost AS cost,
        d.cause AS cause,
        row_number() OVER w AS place,
        lagInFrame(a.model) OVER w AS from_model,
        lagInFrame(a.outcome) OVER w AS from_outcome,
        lagInFrame(a.category) OVER w AS reason
    FROM v_attempts AS a
    LEFT JOIN
    (
        SELECT r.tenant AS tenant, r.event_id AS event_id, max(r.number) AS number, any(r.cause) AS cause
        FROM routing_decisions AS r FINAL
        GROUP BY r.tenant, r.event_id
    ) AS d ON d.tenant = a.tenant AND d.event_id = a.decision_id
    WHERE a.purpose = 'answer'
    WINDOW w AS (PARTITION BY a.tenant, a.request_id ORDER BY d.number, a.attempt, a.started_at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
WHERE place > 1 AND from_outcome IN ('failed', 'unknown') AND cause != 'override'
COMMENT 'Grain: one row per attempt that was made because an earlier one of the same request failed or became unknown. Advice and probes count for neither.';
