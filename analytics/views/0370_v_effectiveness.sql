CREATE OR REPLACE VIEW v_effectiveness
(
    tenant LowCardinality(String) COMMENT 'Tenant',
    task_type LowCardinality(String) COMMENT 'Kind of work',
    requests UInt64 COMMENT 'Decided requests that have ended',
    auto UInt64 COMMENT 'Of them served by routing''s own choice: nobody named a model',
    overridden UInt64 COMMENT 'Requests that a person moved to another model while they were open',
    override_rate Nullable(Float64) COMMENT 'overridden / (auto + overridden)',
    completed UInt64 COMMENT 'Answered',
    failed UInt64 COMMENT 'Failed or interrupted',
    fallback_rate Nullable(Float64) COMMENT 'Share of the answered that needed more than one attempt',
    escalated UInt64 COMMENT 'Answered after a checked answer was not good enough',
    degraded UInt64 COMMENT 'Answered with less than was wanted',
    regenerated UInt64 COMMENT 'Answered requests whose answer was asked for again',
    cached UInt64 COMMENT 'Decisions repeated from the decision cache',
    explored UInt64 COMMENT 'Decisions drawn by exploration instead of the best',
    confidence Nullable(Float64) COMMENT 'Mean confidence of routing''s own decisions',
    rated UInt64 COMMENT 'Of routing''s own, answered: rated',
    response_rate Nullable(Float64) COMMENT 'rated / routing''s own answered',
    rating Nullable(Float64) COMMENT 'Mean rating 0 to 1 of the rated; NULL where nobody rated',
    predicted_quality Nullable(Float64) COMMENT 'Mean share of good answers that was predicted of the same requests',
    cost Decimal(38, 12) COMMENT 'Dollars of the answered, advice included',
    cost_per_answer Nullable(Decimal(38, 12)) COMMENT 'cost / completed',
    overhead Decimal(38, 12) COMMENT 'Of the cost: advice',
    with_interval UInt64 COMMENT 'Answered in one attempt, with an interval of the cost',
    cost_inside Nullable(Float64) COMMENT 'Share of them that cost what the interval of the middle 80 % said',
    latency_inside Nullable(Float64) COMMENT 'Share of them that took as long as the interval of the middle 80 % said'
)
AS
SELECT
    x.tenant AS tenant,
    x.task_type AS task_type,
    count() AS requests,
    countIf(x.own) AS auto,
    countIf(x.moved) AS overridden,
    if(auto + overridden > 0, overridden / (auto + overridden), NULL) AS override_rate,
    countIf(x.done) AS completed,
    countIf(x.status IN ('failed', 'interrupted')) AS failed,
    if(completed > 0, countIf(x.done AND x.fallbacks > 0) / completed, NULL) AS fallback_rate,
    countIf(x.done AND x.escalations > 0) AS escalated,
    countIf(x.done AND x.degraded) AS degraded,
    countIf(x.done AND x.again > 0) AS regenerated,
    countIf(x.cached) AS cached,
    countIf(x.explored) AS explored,
    if(auto > 0, avgIf(x.confidence, x.own), NULL) AS confidence,
    countIf(x.own AND x.done AND x.ratings > 0) AS rated,
    if(countIf(x.own AND x.done) > 0, rated / countIf(x.own AND x.done), NULL) AS response_rate,
    if(rated > 0, avgIf(ifNull(x.rating, 0), x.own AND x.done AND x.ratings > 0), NULL) AS rating,
    avgOrNullIf(x.predicted_quality, x.own AND x.done AND x.ratings > 0) AS predicted_quality,
    sumIf(toDecimal128(x.cost, 12), x.done) AS cost,
    if(completed > 0, cost / completed, NULL) AS cost_per_answer,
    sumIf(toDecimal128(x.overhead, 12), x.done) AS overhead,
    countIf(x.single AND x.cost_high > 0) AS with_interval,
    if(with_interval > 0, countIf(x.single AND x.cost_high > 0 AND x.answer_cost >= x.cost_low AND x.answer_cost <= x.cost_high) / with_interval, NULL) AS cost_inside,
    if(with_interval > 0, countIf(x.single AND x.cost_high > 0 AND x.latency_ms >= x.latency_low_ms AND x.latency_ms <= x.latency_high_ms) / with_interval, NULL) AS latency_inside
FROM
(
    SELECT
        o.tenant AS tenant,
        o.task_type AS task_type,
        o.status AS status,
        o.status = 'completed' AS done,
        o.fallbacks AS fallbacks,
        o.escalations AS escalations,
        o.degraded AS degraded,
        o.ratings AS ratings,
        o.rating AS rating,
        o.cost AS cost,
        o.overhead AS overhead,
        o.cost - o.overhead AS answer_cost,
        o.latency_ms AS latency_ms,
        d.forced_by = '' AS own,
        d.cause = 'override' AS moved,
        d.confidence AS confidence,
        d.predicted_quality AS predicted_quality,
        d.cached AS cached,
        d.explored AS explored,
        d.cost_low AS cost_low,
        d.cost_high AS cost_high,
        d.latency_low_ms AS latency_low_ms,
        d.latency_high_ms AS latency_high_ms,
        done AND o.decisions = 1 AND o.fallbacks = 0 AS single,
        r.again AS again
    FROM routing_outcomes AS o
    INNER JOIN
    (
        SELECT
            e.tenant AS tenant,
            e.event_id AS event_id,
            any(toString(e.forced_by)) AS forced_by,
            any(toString(e.cause)) AS cause,
            any(e.confidence) AS confidence,
            any(e.predicted_quality) AS predicted_quality,
            max(e.cached) AS cached,
            max(has(e.reason_codes, 'explored')) AS explored,
            any(e.cost_low) AS cost_low,
            any(e.cost_high) AS cost_high,
            any(e.latency_low_ms) AS latency_low_ms,
            any(e.latency_high_ms) AS latency_high_ms
        FROM routing_decisions AS e FINAL
        WHERE e.kind = 'made' AND NOT e.probe
        GROUP BY e.tenant, e.event_id
    ) AS d ON d.tenant = o.tenant AND d.event_id = o.decision_id
    LEFT JOIN
    (
        SELECT f.tenant AS tenant, f.request_id AS request_id, count() AS again
        FROM feedback_outcomes AS f FINAL
        WHERE f.kind = 'regenerated'
        GROUP BY f.tenant, f.request_id
    ) AS r ON r.tenant = o.tenant AND r.request_id = o.request_id
) AS x
GROUP BY x.tenant, x.task_type
COMMENT 'Grain: one row per tenant and task type with decided requests that have ended, probes apart: how routing did, by what people did, by ratings (with their response rate) and by its own estimates. Observational: no row says what another choice would have come to.';
