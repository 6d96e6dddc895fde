CREATE OR REPLACE VIEW v_savings
(
    tenant LowCardinality(String) COMMENT 'Tenant',
    baseline_model LowCardinality(String) COMMENT 'The one model compared with',
    answers UInt64 COMMENT 'Answered calls with tokens',
    actual_cost Decimal(38, 12) COMMENT 'Dollars they cost',
    baseline_cost Decimal(38, 12) COMMENT 'Dollars the same tokens would have cost',
    saved Decimal(38, 12) COMMENT 'baseline_cost - actual_cost',
    saved_share Nullable(Float64) COMMENT 'saved / baseline_cost'
)
AS
SELECT
    x.tenant AS tenant,
    x.baseline_model AS baseline_model,
    sum(x.answers) AS answers,
    sum(x.actual_cost) AS actual_cost,
    sum(x.baseline_cost) AS baseline_cost,
    baseline_cost - actual_cost AS saved,
    if(baseline_cost > 0, toFloat64(saved) / toFloat64(baseline_cost), NULL) AS saved_share
FROM
(
    SELECT
        u.tenant AS tenant,
        p.model AS baseline_model,
        u.answers AS answers,
        u.cost AS actual_cost,
        (u.plain * p.input + u.cached * p.cached + u.written * p.written + u.written_1h * p.written_1h + u.output * p.output) / 1000000 AS baseline_cost
    FROM
    (
        SELECT
            a.tenant AS tenant,
            d.price_book AS price_book,
            toDate(a.ended_at) AS day,
            count() AS answers,
            sum(toDecimal128(a.cost, 12)) AS cost,
            sum(a.input_tokens - a.cached_input_tokens - a.cache_write_tokens) AS plain,
            sum(a.cached_input_tokens) AS cached,
            sum(a.cache_write_tokens - a.cache_write_1h_tokens) AS written,
            sum(a.cache_write_1h_tokens) AS written_1h,
            sum(a.output_tokens) AS output
        FROM v_attempts AS a
        INNER JOIN
        (
            SELECT r.tenant AS tenant, r.event_id AS event_id, any(r.price_book) AS price_book
            FROM routing_decisions AS r FINAL
            GROUP BY r.tenant, r.event_id
        ) AS d ON d.tenant = a.tenant AND d.event_id = a.decision_id
        WHERE a.outcome = 'finished' AND a.output_tokens > 0
        GROUP BY a.tenant, d.price_book, day
    ) AS u
    INNER JOIN
    (
        SELECT
            concat(m.price_book, '@', toString(m.version)) AS price_book,
            m.model AS model,
            toDate(m.since) AS since,
            ifNull(leadInFrame(toNullable(toDate(m.since))) OVER (PARTITION BY m.price_book, m.version, m.model ORDER BY m.since ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), toDate('2149-06-06')) AS until,
            ifNull(m.input_per_million, 0) AS input,
            ifNull(m.output_per_million, 0) AS output,
            ifNull(m.cached_input_per_million, input) AS cached,
            ifNull(m.cache_write_per_million, input) AS written,
            ifNull(m.cache_write_1h_per_million, written) AS written_1h
        FROM model_prices AS m FINAL
    ) AS p ON p.price_book = u.price_book
    WHERE p.since <= u.day AND u.day < p.until AND p.output > 0
) AS x
GROUP BY x.tenant, x.baseline_model
COMMENT 'Grain: one row per tenant and baseline model: what the answered calls cost, and what the same tokens would have cost with that model alone, at the price book each decision used (prices for very long prompts apart). Equal tokens is an assumption: another model may need more or fewer.';
