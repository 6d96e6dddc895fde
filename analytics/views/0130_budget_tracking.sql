CREATE OR REPLACE VIEW budget_tracking
(
    tenant LowCardinality(String) COMMENT 'Tenant',
    window LowCardinality(String) COMMENT 'day or month',
    window_start DateTime64(6, 'UTC') COMMENT 'Start, UTC',
    window_end DateTime64(6, 'UTC') COMMENT 'End, UTC, exclusive',
    cap Nullable(Decimal(38, 12)) COMMENT 'Cap in dollars as the newest hold saw it; NULL without a cap',
    spent Decimal(38, 12) COMMENT 'Dollars charged to holds of this window',
    held Decimal(38, 12) COMMENT 'Dollars reserved by holds that are still open',
    remaining Nullable(Decimal(38, 12)) COMMENT 'cap - spent - held; NULL without a cap',
    forfeited Decimal(38, 12) COMMENT 'Of spent: charged because the outcome is unknown, before adjustments',
    holds UInt64 COMMENT 'Number of holds',
    open_holds UInt64 COMMENT 'Of them still open'
)
AS
SELECT
    h.tenant AS tenant,
    h.window AS window,
    h.window_start AS window_start,
    max(h.window_end) AS window_end,
    tupleElement(argMax(tuple(h.cap), (h.config_offset, h.event_ts, h.src_offset)), 1) AS cap,
    sum(c.charge) AS spent,
    sumIf(toDecimal128(h.amount, 12), c.closed = 0) AS held,
    cap - spent - held AS remaining,
    sum(c.forfeited) AS forfeited,
    count() AS holds,
    countIf(c.closed = 0) AS open_holds
FROM
(
    SELECT tenant, hold_id, event_ts, src_offset, config_offset, amount, window, window_start, window_end, cap
    FROM ledger_entries FINAL
    ARRAY JOIN window_kinds AS window, window_starts AS window_start, window_ends AS window_end, window_caps AS cap
    WHERE kind = 'held'
) AS h
LEFT JOIN
(
    SELECT
        l.tenant AS tenant,
        l.hold_id AS hold_id,
        sum(toDecimal128(l.charge, 12)) AS charge,
        sumIf(toDecimal128(l.charge, 12), l.kind = 'forfeited') AS forfeited,
        countIf(l.kind IN ('settled', 'released', 'forfeited')) AS closed
    FROM ledger_entries AS l FINAL
    WHERE l.kind != 'held'
    GROUP BY l.tenant, l.hold_id
) AS c ON c.tenant = h.tenant AND c.hold_id = h.hold_id
GROUP BY h.tenant, h.window, h.window_start
COMMENT 'Grain: one row per tenant and budget window, from the holds booked in it.';
