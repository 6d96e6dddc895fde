CREATE OR REPLACE VIEW v_overhead
(
    day Date COMMENT 'Day, UTC: of the charge, the order, or the hold',
    tenant LowCardinality(String) COMMENT 'Tenant',
    orders UInt64 COMMENT 'Times advice was asked for',
    given UInt64 COMMENT 'Decisions that read an advice which said something usable',
    probes UInt64 COMMENT 'Decisions to probe a named model',
    overhead Decimal(38, 12) COMMENT 'Dollars charged for advice and probes: routing''s own spend, which answered nobody',
    classify_overhead Decimal(38, 12) COMMENT 'Of overhead: asking what kind of work it is',
    route_overhead Decimal(38, 12) COMMENT 'Of overhead: asking which model should do it',
    probe_overhead Decimal(38, 12) COMMENT 'Of overhead: finding out how good a model is',
    forfeited Decimal(38, 12) COMMENT 'Of overhead: charged because the outcome is unknown, before adjustments',
    held Decimal(38, 12) COMMENT 'Dollars still reserved for advice and probes that have not ended',
    routed Decimal(38, 12) COMMENT 'Dollars charged for answers to people: the spend that was routed',
    overhead_share Nullable(Float64) COMMENT 'overhead / (overhead + routed); NULL where both are 0'
)
AS
SELECT
    u.day AS day,
    u.tenant AS tenant,
    sum(u.ordered) AS orders,
    sum(u.useful) AS given,
    sum(u.probed) AS probes,
    sumIf(u.cost, u.purpose IN ('advice', 'probe')) AS overhead,
    sumIf(u.cost, u.purpose = 'advice' AND u.advice = 'classify') AS classify_overhead,
    sumIf(u.cost, u.purpose = 'advice' AND u.advice = 'route') AS route_overhead,
    sumIf(u.cost, u.purpose = 'probe') AS probe_overhead,
    sumIf(u.cost, u.purpose IN ('advice', 'probe') AND u.entry = 'forfeited') AS forfeited,
    sum(u.reserved) AS held,
    sumIf(u.cost, u.purpose = 'answer') AS routed,
    if(overhead + routed > 0, toFloat64(overhead) / toFloat64(overhead + routed), NULL) AS overhead_share
FROM
(
    SELECT toDate(o.event_ts) AS day, o.tenant AS tenant, 1 AS ordered, 0 AS useful, 0 AS probed, '' AS purpose, '' AS advice, '' AS entry, toDecimal128(0, 12) AS cost, toDecimal128(0, 12) AS reserved
    FROM advice_orders AS o FINAL
    UNION ALL
    SELECT toDate(d.event_ts) AS day, d.tenant AS tenant, 0 AS ordered, d.advice_outcome = 'given' AND d.cause = 'request' AS useful, d.probe AS probed, '' AS purpose, '' AS advice, '' AS entry, toDecimal128(0, 12) AS cost, toDecimal128(0, 12) AS reserved
    FROM routing_decisions AS d FINAL
    WHERE d.kind = 'made' AND (d.advice_outcome = 'given' OR d.probe)
    UNION ALL
    SELECT c.day AS day, c.tenant AS tenant, 0 AS ordered, 0 AS useful, 0 AS probed, c.purpose AS purpose, k.kind AS advice, toString(c.kind) AS entry, toDecimal128(c.cost, 12) AS cost, toDecimal128(0, 12) AS reserved
    FROM cost_tracking AS c
    LEFT JOIN
    (
        SELECT a.tenant AS tenant, a.event_id AS event_id, toString(any(a.kind)) AS kind FROM advice_orders AS a FINAL GROUP BY a.tenant, a.event_id
    ) AS k ON k.tenant = c.tenant AND k.event_id = c.decision_id
    UNION ALL
    SELECT toDate(min(l.event_ts)) AS day, l.tenant AS tenant, 0 AS ordered, 0 AS useful, 0 AS probed, '' AS purpose, '' AS advice, '' AS entry, toDecimal128(0, 12) AS cost, sumIf(toDecimal128(l.amount, 12), l.kind = 'held') AS reserved
    FROM ledger_entries AS l FINAL
    WHERE (l.tenant, l.decision_id) IN (SELECT b.tenant, b.event_id FROM advice_orders AS b FINAL UNION ALL SELECT p.tenant, p.event_id FROM routing_decisions AS p FINAL WHERE p.probe)
    GROUP BY l.tenant, l.hold_id
    HAVING countIf(l.kind IN ('settled', 'released', 'forfeited')) = 0
) AS u
GROUP BY u.day, u.tenant
COMMENT 'Grain: one row per day and tenant with spending, advice or probes: what routing itself cost, beside the spend that it routed.';
