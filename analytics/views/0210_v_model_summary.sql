CREATE OR REPLACE VIEW v_model_summary
(
    model String COMMENT 'Model',
    decisions UInt64 COMMENT 'Decisions for this model',
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
    cost_per_answer Nullable(Decimal(38, 12)) COMMENT 'cost / successes',
    ratings UInt64 COMMENT 'Number of ratings',
    rating Nullable(Float64) COMMENT 'Mean rating 0 to 1; NULL where nobody rated'
)
AS
SELECT
    p.model AS model,
    d.decisions AS decisions,
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
    if(p.successes > 0, p.cost / p.successes, NULL) AS cost_per_answer,
    r.ratings AS ratings,
    if(r.ratings > 0, r.rating, NULL) AS rating
FROM
(
    SELECT
        a.model AS model,
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
    GROUP BY a.model
) AS p
LEFT JOIN
(
    SELECT m.model AS model, count() AS decisions FROM routing_decisions AS m FINAL WHERE m.kind = 'made' GROUP BY m.model
) AS d ON d.model = p.model
LEFT JOIN
(
    SELECT f.model AS model, count() AS ratings, avg(f.value) AS rating
    FROM feedback_outcomes AS f FINAL
    WHERE f.kind = 'rated'
    GROUP BY f.model
) AS r ON r.model = p.model
COMMENT 'Grain: one row per model with at least one attempt at an answer that has ended, over all tenants; advice and probes are not among them (v_overhead).';
