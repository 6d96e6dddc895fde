CREATE OR REPLACE VIEW v_overhead
(
    day Date COMMENT 'Day, UTC',
    tenant LowCardinality(String) COMMENT 'Tenant',
    what String COMMENT 'probe: finding out how good a model is; advice: a model asked before a decision',
    requests UInt64 COMMENT 'Requests with overhead',
    overhead Decimal(38, 12) COMMENT 'Dollars of it',
    cost Decimal(38, 12) COMMENT 'Dollars of all attempts of these requests, overhead included'
)
AS
SELECT
    toDate(t.event_ts) AS day,
    t.tenant AS tenant,
    if(t.use_case = 'pointsman.probe', 'probe', 'advice') AS what,
    count() AS requests,
    sum(toDecimal128(t.overhead, 12)) AS overhead,
    sum(toDecimal128(t.cost, 12)) AS cost
FROM technical_outcomes AS t FINAL
WHERE t.overhead > 0
GROUP BY day, t.tenant, what
COMMENT 'Grain: one row per day, tenant and kind of routing''s own spend: how much of the bill answered nobody.';
