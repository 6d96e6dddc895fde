CREATE OR REPLACE VIEW model_performance
(
    tenant LowCardinality(String) COMMENT 'Tenant',
    model String COMMENT 'Model',
    task_type String COMMENT 'Kind of work',
    calls UInt64 COMMENT 'Attempts that were sent and have ended',
    successes UInt64 COMMENT 'Of them answered',
    failures UInt64 COMMENT 'Of them failed',
    unknowns UInt64 COMMENT 'Of them with unknown outcome',
    success_rate Nullable(Float64) COMMENT 'successes / calls; NULL without calls',
    latency_p50_ms Nullable(UInt32) COMMENT 'Median latency, milliseconds',
    latency_p95_ms Nullable(UInt32) COMMENT '95th percentile of latency, milliseconds',
    ttft_p50_ms Nullable(UInt32) COMMENT 'Median time to the first token, milliseconds',
    ttft_p95_ms Nullable(UInt32) COMMENT '95th percentile of the time to the first token, milliseconds',
    input_tokens UInt64 COMMENT 'Tokens read, cached ones included',
    output_tokens UInt64 COMMENT 'Tokens generated, reasoning included',
    cost Decimal(38, 12) COMMENT 'Dollars of the calls, as billed',
    ratings UInt64 COMMENT 'Number of ratings',
    rating Nullable(Float64) COMMENT 'Mean rating 0 to 1; NULL where nobody rated'
)
AS
SELECT
    p.tenant AS tenant,
    p.model AS model,
    p.task_type AS task_type,
    p.calls AS calls,
    p.successes AS successes,
    p.failures AS failures,
    p.unknowns AS unknowns,
    p.success_rate AS success_rate,
    p.latency_p50_ms AS latency_p50_ms,
    p.latency_p95_ms AS latency_p95_ms,
    p.ttft_p50_ms AS ttft_p50_ms,
    p.ttft_p95_ms AS ttft_p95_ms,
    p.input_tokens AS input_tokens,
    p.output_tokens AS output_tokens,
    p.cost AS cost,
    r.ratings AS ratings,
    if(r.ratings > 0, r.rating, NULL) AS rating
FROM
(
    SELECT
        a.tenant AS tenant,
        a.model AS model,
        a.task_type AS task_type,
        countIf(a.sent) AS calls,
        countIf(a.outcome = 'finished') AS successes,
        countIf(a.sent AND a.outcome = 'failed') AS failures,
        countIf(a.outcome = 'unknown') AS unknowns,
        if(calls > 0, successes / calls, NULL) AS success_rate,
        quantileExactIf(0.5)(a.latency_ms, a.outcome = 'finished') AS latency_p50_ms,
        quantileExactIf(0.95)(a.latency_ms, a.outcome = 'finished') AS latency_p95_ms,
        quantileExactIf(0.5)(a.ttft_ms, a.outcome = 'finished') AS ttft_p50_ms,
        quantileExactIf(0.95)(a.ttft_ms, a.outcome = 'finished') AS ttft_p95_ms,
        sum(a.input_tokens) AS input_tokens,
        sum(a.output_tokens) AS output_tokens,
        sum(toDecimal128(a.cost, 12)) AS cost
    FROM v_attempts AS a
    WHERE a.outcome != 'open' AND a.purpose = 'answer'
    GROUP BY a.tenant, a.model, a.task_type
) AS p
LEFT JOIN
(
    SELECT f.tenant AS tenant, f.model AS model, f.task_type AS task_type, count() AS ratings, avg(f.value) AS rating
    FROM feedback_outcomes AS f FINAL
    WHERE f.kind = 'rated'
    GROUP BY f.tenant, f.model, f.task_type
) AS r ON r.tenant = p.tenant AND r.model = p.model AND r.task_type = p.task_type
COMMENT 'Grain: one row per tenant, model and task type with at least one attempt at an answer that has ended; advice and probes are not among them.';
