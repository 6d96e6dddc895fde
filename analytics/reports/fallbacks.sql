-- Grain: one row: how often attempts failed and what the fallbacks came to.
SELECT
    (SELECT count() FROM v_attempts AS a WHERE a.outcome != 'open') AS attempts,
    (SELECT count() FROM v_attempts AS a WHERE a.outcome IN ('failed', 'unknown')) AS failed,
    (SELECT count() FROM fallback_events) AS fallbacks,
    (SELECT countIf(f.outcome = 'finished') FROM fallback_events AS f) AS recovered,
    if(fallbacks > 0, recovered / fallbacks, NULL) AS recovery_rate,
    (SELECT count() FROM rate_limit_events) AS rate_limits
