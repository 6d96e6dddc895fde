CREATE OR REPLACE VIEW v_spend_by_customer
(
    month Date COMMENT 'First day of the month, UTC',
    tenant LowCardinality(String) COMMENT 'Tenant',
    user String COMMENT 'User',
    requests UInt64 COMMENT 'Requests that were charged',
    cost Decimal(38, 12) COMMENT 'Dollars charged',
    overhead Decimal(38, 12) COMMENT 'Of cost: dollars spent on choosing models (advice) and on probing them',
    input_tokens UInt64 COMMENT 'Tokens read, cached ones included',
    output_tokens UInt64 COMMENT 'Tokens generated, reasoning included'
)
AS
SELECT
    toStartOfMonth(c.day) AS month,
    c.tenant AS tenant,
    c.user AS user,
    uniqExact(c.request_id) AS requests,
    sum(toDecimal128(c.cost, 12)) AS cost,
    sumIf(toDecimal128(c.cost, 12), c.purpose != 'answer') AS overhead,
    sum(c.input_tokens) AS input_tokens,
    sum(c.output_tokens) AS output_tokens
FROM cost_tracking AS c
GROUP BY month, c.tenant, c.user
COMMENT 'Grain: one row per month, tenant and user with spending.';
