CREATE OR REPLACE VIEW v_daily_costs
(
    day Date COMMENT 'Day, UTC',
    tenant LowCardinality(String) COMMENT 'Tenant',
    model String COMMENT 'Model',
    provider String COMMENT 'Provider endpoint',
    attempts UInt64 COMMENT 'Attempts that were charged',
    cost Decimal(38, 12) COMMENT 'Dollars charged',
    forfeited Decimal(38, 12) COMMENT 'Of cost: charged because the outcome is unknown',
    input_tokens UInt64 COMMENT 'Tokens read, cached ones included',
    output_tokens UInt64 COMMENT 'Tokens generated, reasoning included'
)
AS
SELECT
    c.day AS day,
    c.tenant AS tenant,
    c.model AS model,
    c.provider AS provider,
    uniqExact(c.attempt_id) AS attempts,
    sum(toDecimal128(c.cost, 12)) AS cost,
    sumIf(toDecimal128(c.cost, 12), c.kind = 'forfeited') AS forfeited,
    sum(c.input_tokens) AS input_tokens,
    sum(c.output_tokens) AS output_tokens
FROM cost_tracking AS c
GROUP BY c.day, c.tenant, c.model, c.provider
COMMENT 'Grain: one row per day, tenant, model and provider with spending.';
