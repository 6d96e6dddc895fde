CREATE OR REPLACE VIEW v_escalations
(
    tenant LowCardinality(String) COMMENT 'Tenant',
    event_ts DateTime64(6, 'UTC') COMMENT 'When it was decided to go on',
    request_id String COMMENT 'Request',
    task_type LowCardinality(String) COMMENT 'Kind of work',
    complexity LowCardinality(String) COMMENT 'simple, medium, complex or critical',
    from_decision_id String COMMENT 'Decision whose answer was not good enough',
    from_model String COMMENT 'Its model',
    from_quality Nullable(Float64) COMMENT 'Share of good answers predicted of it',
    from_cost Decimal(38, 12) COMMENT 'Dollars charged for that answer',
    decision_id String COMMENT 'Decision that followed',
    to_model LowCardinality(String) COMMENT 'Its model',
    to_quality Nullable(Float64) COMMENT 'Share of good answers predicted of it',
    to_cost Decimal(38, 12) COMMENT 'Dollars charged for its answer',
    status String COMMENT 'How the request ended; '''' while it is open',
    degraded Bool COMMENT 'In the end the answer was still less than was wanted'
)
AS
SELECT
    n.tenant AS tenant,
    n.event_ts AS event_ts,
    n.request_id AS request_id,
    n.task_type AS task_type,
    n.complexity AS complexity,
    b.event_id AS from_decision_id,
    b.model AS from_model,
    b.predicted_quality AS from_quality,
    bc.cost AS from_cost,
    n.event_id AS decision_id,
    n.model AS to_model,
    n.predicted_quality AS to_quality,
    nc.cost AS to_cost,
    t.status AS status,
    t.degraded AS degraded
FROM routing_decisions AS n FINAL
LEFT JOIN
(
    SELECT d.tenant AS tenant, d.request_id AS request_id, d.number AS number, any(d.event_id) AS event_id, toString(any(d.model)) AS model, any(d.predicted_quality) AS predicted_quality
    FROM routing_decisions AS d FINAL
    WHERE d.kind = 'made'
    GROUP BY d.tenant, d.request_id, d.number
) AS b ON b.tenant = n.tenant AND b.request_id = n.request_id AND b.number = n.number - 1
LEFT JOIN
(
    SELECT c.tenant AS tenant, c.decision_id AS decision_id, sum(toDecimal128(c.cost, 12)) AS cost FROM cost_tracking AS c GROUP BY c.tenant, c.decision_id
) AS bc ON bc.tenant = n.tenant AND bc.decision_id = b.event_id
LEFT JOIN
(
    SELECT c.tenant AS tenant, c.decision_id AS decision_id, sum(toDecimal128(c.cost, 12)) AS cost FROM cost_tracking AS c GROUP BY c.tenant, c.decision_id
) AS nc ON nc.tenant = n.tenant AND nc.decision_id = n.event_id
LEFT JOIN
(
    SELECT o.tenant AS tenant, o.request_id AS request_id, toString(any(o.status)) AS status, max(o.degraded) AS degraded FROM technical_outcomes AS o FINAL GROUP BY o.tenant, o.request_id
) AS t ON t.tenant = n.tenant AND t.request_id = n.request_id
WHERE n.kind = 'made' AND n.cause = 'escalation'
COMMENT 'Grain: one row per escalation: the decision that followed because a checked answer was not good enough.';
