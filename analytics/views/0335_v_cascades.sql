CREATE OR REPLACE VIEW v_cascades
(
    tenant LowCardinality(String) COMMENT 'Tenant',
    task_type LowCardinality(String) COMMENT 'Kind of work',
    requests UInt64 COMMENT 'Requests that have ended with an answer',
    cascades UInt64 COMMENT 'Of them started with a cheap model whose answer was checked',
    escalated UInt64 COMMENT 'Of the cascades: went on to a better model, once or more',
    escalations UInt64 COMMENT 'Decisions that followed a checked answer',
    escalation_rate Nullable(Float64) COMMENT 'escalated / cascades; NULL without cascades',
    degraded UInt64 COMMENT 'Requests whose answer was less than was wanted, cut off ones without a cascade too',
    degraded_rate Nullable(Float64) COMMENT 'degraded / requests',
    cost_of_cascades Decimal(38, 12) COMMENT 'Dollars charged for answers of cascades, abandoned starts included',
    cost_of_starts Decimal(38, 12) COMMENT 'Of them: starts that were abandoned'
)
AS
SELECT
    o.tenant AS tenant,
    o.task_type AS task_type,
    count() AS requests,
    countIf(c.cascades > 0) AS cascades,
    countIf(c.cascades > 0 AND o.escalations > 0) AS escalated,
    sum(o.escalations) AS escalations,
    if(cascades > 0, escalated / cascades, NULL) AS escalation_rate,
    countIf(o.degraded) AS degraded,
    degraded / requests AS degraded_rate,
    sumIf(toDecimal128(o.cost, 12) - toDecimal128(o.overhead, 12), c.cascades > 0) AS cost_of_cascades,
    sum(e.cost) AS cost_of_starts
FROM technical_outcomes AS o FINAL
LEFT JOIN
(
    SELECT d.tenant AS tenant, d.request_id AS request_id, countIf(d.cascade) AS cascades FROM routing_decisions AS d FINAL GROUP BY d.tenant, d.request_id
) AS c ON c.tenant = o.tenant AND c.request_id = o.request_id
LEFT JOIN
(
    SELECT v.tenant AS tenant, v.request_id AS request_id, sum(v.from_cost) AS cost FROM v_escalations AS v GROUP BY v.tenant, v.request_id
) AS e ON e.tenant = o.tenant AND e.request_id = o.request_id
WHERE o.status = 'completed'
GROUP BY o.tenant, o.task_type
COMMENT 'Grain: one row per tenant and task type with answered requests: how often a cheap start did, went on, or was not good enough.';
