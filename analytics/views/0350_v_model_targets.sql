CREATE OR REPLACE VIEW v_model_targets
(
    router String COMMENT 'Policy by name; its newest version states the targets',
    catalog String COMMENT 'Catalog whose aliases the names were read with',
    model String COMMENT 'Model id of the catalog',
    calls UInt64 COMMENT 'Answered calls of this router''s decisions',
    latency_statistic String COMMENT 'Which latency the target is of: ttft_p50, ttft_p95, total_p50 or total_p95',
    latency_target_ms UInt32 COMMENT 'Milliseconds at most',
    latency_ms Nullable(UInt32) COMMENT 'That statistic as measured; NULL without calls',
    latency_state String COMMENT 'met, missed, or no_calls',
    quality_target Float64 COMMENT 'Share at least, 0 to 1',
    quality_measure String COMMENT 'What the target is a share of, as the policy names it',
    answers UInt64 COMMENT 'Completed requests of this router with this model',
    rated UInt64 COMMENT 'Of them rated',
    response_rate Nullable(Float64) COMMENT 'rated / answers',
    rating Nullable(Float64) COMMENT 'Mean rating 0 to 1 of those: a stand-in for the measure, observational',
    rating_low Nullable(Float64) COMMENT 'Lower end of its 95 % interval (Wilson); NULL without ratings',
    rating_high Nullable(Float64) COMMENT 'Upper end',
    quality_state String COMMENT 'met or missed where the whole interval is on one side of the target, else cannot_tell'
)
AS
SELECT
    m.router AS router,
    m.catalog AS catalog,
    m.model AS model,
    l.calls AS calls,
    m.statistic AS latency_statistic,
    m.latency_target AS latency_target_ms,
    if(l.calls = 0, NULL, multiIf(m.statistic = 'ttft_p50', l.ttft_p50, m.statistic = 'ttft_p95', l.ttft_p95, m.statistic = 'total_p50', l.total_p50, l.total_p95)) AS latency_ms,
    multiIf(latency_ms IS NULL, 'no_calls', latency_ms <= m.latency_target, 'met', 'missed') AS latency_state,
    m.quality_target AS quality_target,
    m.quality_measure AS quality_measure,
    q.answers AS answers,
    q.rated AS rated,
    if(q.answers > 0, q.rated / q.answers, NULL) AS response_rate,
    if(q.rated > 0, q.mean, NULL) AS rating,
    (rating + 1.9208 / q.rated - 1.96 * sqrt(rating * (1 - rating) / q.rated + 0.9604 / (q.rated * q.rated))) / (1 + 3.8416 / q.rated) AS rating_low,
    (rating + 1.9208 / q.rated + 1.96 * sqrt(rating * (1 - rating) / q.rated + 0.9604 / (q.rated * q.rated))) / (1 + 3.8416 / q.rated) AS rating_high,
    multiIf(rating_low >= m.quality_target, 'met', rating_high < m.quality_target, 'missed', 'cannot_tell') AS quality_state
FROM
(
    SELECT
        p.router AS router,
        c.catalog AS catalog,
        arrayFold((known, hop) -> if(mapContains(c.aliases, known), c.aliases[known], known), range(8), p.plain) AS model,
        p.statistic AS statistic,
        p.latency_target AS latency_target,
        p.quality_target AS quality_target,
        p.quality_measure AS quality_measure
    FROM
    (
        SELECT
            d.name AS router,
            arrayElement(splitByChar('/', replaceRegexpAll(lower(trimBoth(tupleElement(entry, 1))), '[\\s_]+', '-')), -1) AS plain,
            if(JSONHas(tupleElement(entry, 2), 'latency_statistic'), JSONExtractString(tupleElement(entry, 2), 'latency_statistic'), 'total_p50') AS statistic,
            toUInt32(JSONExtractUInt(tupleElement(entry, 2), 'latency_ms')) AS latency_target,
            JSONExtractFloat(tupleElement(entry, 2), 'quality') AS quality_target,
            JSONExtractString(tupleElement(entry, 2), 'quality_measure') AS quality_measure
        FROM
        (
            SELECT v.name AS name, JSONExtractKeysAndValuesRaw(argMax(v.document, v.version), 'targets') AS targets
            FROM config_versions AS v FINAL
            WHERE v.kind = 'policy'
            GROUP BY v.name
        ) AS d
        ARRAY JOIN d.targets AS entry
    ) AS p
    CROSS JOIN v_aliases AS c
) AS m
LEFT JOIN
(
    SELECT
        r.router AS router,
        r.catalog AS catalog,
        a.model AS model,
        count() AS calls,
        quantileExact(0.5)(a.ttft_ms) AS ttft_p50,
        quantileExact(0.95)(a.ttft_ms) AS ttft_p95,
        quantileExact(0.5)(a.latency_ms) AS total_p50,
        quantileExact(0.95)(a.latency_ms) AS total_p95
    FROM v_attempts AS a
    INNER JOIN
    (
        SELECT e.tenant AS tenant, e.event_id AS event_id, any(splitByChar('@', toString(e.policy))[1]) AS router, any(splitByChar('@', toString(e.catalog))[1]) AS catalog
        FROM routing_decisions AS e FINAL
        GROUP BY e.tenant, e.event_id
    ) AS r ON r.tenant = a.tenant AND r.event_id = a.decision_id
    WHERE a.outcome = 'finished' AND a.purpose = 'answer'
    GROUP BY r.router, r.catalog, a.model
) AS l ON l.router = m.router AND l.catalog = m.catalog AND l.model = m.model
LEFT JOIN
(
    SELECT
        f.router AS router,
        f.catalog AS catalog,
        toString(o.model) AS model,
        count() AS answers,
        countIf(o.ratings > 0) AS rated,
        avgIf(ifNull(o.rating, 0), o.ratings > 0) AS mean
    FROM routing_outcomes AS o
    INNER JOIN
    (
        SELECT g.tenant AS tenant, g.event_id AS event_id, any(splitByChar('@', toString(g.policy))[1]) AS router, any(splitByChar('@', toString(g.catalog))[1]) AS catalog
        FROM routing_decisions AS g FINAL
        GROUP BY g.tenant, g.event_id
    ) AS f ON f.tenant = o.tenant AND f.event_id = o.decision_id
    WHERE o.status = 'completed' AND o.use_case != 'pointsman.probe'
    GROUP BY f.router, f.catalog, o.model
) AS q ON q.router = m.router AND q.catalog = m.catalog AND q.model = m.model
COMMENT 'Grain: one row per router, catalog and model for which the router states what it should reach, over all tenants. Quality is judged by ratings alone: who rates is no random part, and the measure that the policy names is not observed.';
