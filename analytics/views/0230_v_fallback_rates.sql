CREATE OR REPLACE VIEW v_fallback_rates
(
    model String COMMENT 'Model',
    attempts UInt64 COMMENT 'Attempts that have ended',
    failed UInt64 COMMENT 'Of them failed or unknown',
    failure_rate Float64 COMMENT 'failed / attempts',
    fallbacks UInt64 COMMENT 'Attempts at another model that followed a failure of this one',
    recovered UInt64 COMMENT 'Of them answered',
    recovery_rate Nullable(Float64) COMMENT 'recovered / fallbacks'
)
AS
SELECT
    m.model AS model,
    m.attempts AS attempts,
    m.failed AS failed,
    m.failed / m.attempts AS failure_rate,
    f.fallbacks AS fallbacks,
    f.recovered AS recovered,
    if(f.fallbacks > 0, f.recovered / f.fallbacks, NULL) AS recovery_rate
FROM
(
    SELECT a.model AS model, count() AS attempts, countIf(a.outcome IN ('failed', 'unknown')) AS failed
    FROM v_attempts AS a
    WHERE a.outcome != 'open' AND a.purpose = 'answer'
    GROUP BY a.model
) AS m
LEFT JOIN
(
    SELECT e.from_model AS model, count() AS fallbacks, countIf(e.outcome = 'finished') AS recovered
    FROM fallback_events AS e
    GROUP BY e.from_model
) AS f ON f.model = m.model
COMMENT 'Grain: one row per model: how often its attempts failed, and what the attempts that followed came to.';
