CREATE OR REPLACE VIEW v_budget_status
(
    tenant LowCardinality(String) COMMENT 'Tenant',
    window LowCardinality(String) COMMENT 'day or month',
    window_start DateTime64(6, 'UTC') COMMENT 'Start, UTC',
    window_end DateTime64(6, 'UTC') COMMENT 'End, UTC, exclusive',
    cap Nullable(Decimal(38, 12)) COMMENT 'Cap in dollars; NULL without a cap',
    spent Decimal(38, 12) COMMENT 'Dollars charged',
    held Decimal(38, 12) COMMENT 'Dollars reserved by open holds',
    remaining Nullable(Decimal(38, 12)) COMMENT 'cap - spent - held',
    spent_percent Nullable(Float64) COMMENT 'Share of the cap that is spent, percent'
)
AS
SELECT
    b.tenant AS tenant,
    b.window AS window,
    b.window_start AS window_start,
    b.window_end AS window_end,
    b.cap AS cap,
    b.spent AS spent,
    b.held AS held,
    b.remaining AS remaining,
    if(b.cap > 0, 100 * toFloat64(b.spent) / toFloat64(b.cap), NULL) AS spent_percent
FROM budget_tracking AS b
WHERE b.window_start <= now64(6, 'UTC') AND now64(6, 'UTC') < b.window_end
COMMENT 'Grain: one row per tenant and budget window that is open now.';
