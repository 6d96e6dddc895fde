CREATE OR REPLACE VIEW v_estimates
(
    model LowCardinality(String) COMMENT 'Model',
    priced UInt64 COMMENT 'Requests with both costs',
    cost_ratio Nullable(Float64) COMMENT 'Total cost / total expected cost',
    cost_error Nullable(Float64) COMMENT 'Mean of |cost - expected| / cost',
    timed UInt64 COMMENT 'Requests with both latencies',
    latency_error Nullable(Float64) COMMENT 'Mean of |latency - expected| / latency'
)
AS
SELECT
    t.model AS model,
    countIf(t.estimated_cost > 0 AND t.cost > 0) AS priced,
    if(priced > 0, sumIf(toFloat64(t.cost), t.estimated_cost > 0) / sumIf(toFloat64(t.estimated_cost), t.cost > 0), NULL) AS cost_ratio,
    if(priced > 0, avgIf(abs(toFloat64(t.cost) - toFloat64(t.estimated_cost)) / toFloat64(t.cost), t.estimated_cost > 0 AND t.cost > 0), NULL) AS cost_error,
    countIf(t.estimated_latency_ms > 0 AND t.latency_ms > 0) AS timed,
    if(timed > 0, avgIf(abs(toFloat64(t.latency_ms) - toFloat64(t.estimated_latency_ms)) / toFloat64(t.latency_ms), t.estimated_latency_ms > 0 AND t.latency_ms > 0), NULL) AS latency_error
FROM technical_outcomes AS t FINAL
WHERE t.status = 'completed' AND t.fallbacks = 0 AND t.decisions = 1
GROUP BY t.model
COMMENT 'Grain: one row per model with completed requests that needed one attempt: how far cost and latency were from what was expected.';
