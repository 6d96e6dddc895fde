-- Grain: one row per tenant and kind of work, the one with most requests first; {tenant} '' is all of them.
SELECT
    e.tenant AS tenant,
    e.task_type AS task_type,
    e.requests AS requests,
    e.auto AS auto,
    e.override_rate AS override_rate,
    e.completed AS completed,
    e.failed AS failed,
    e.fallback_rate AS fallback_rate,
    e.escalated AS escalated,
    e.degraded AS degraded,
    e.regenerated AS regenerated,
    e.confidence AS confidence,
    e.rating AS rating,
    e.rated AS rated,
    e.response_rate AS response_rate,
    e.predicted_quality AS predicted_quality,
    e.cost_per_answer AS cost_per_answer,
    e.overhead AS overhead,
    e.cost_inside AS cost_inside,
    e.latency_inside AS latency_inside
FROM v_effectiveness AS e
WHERE {tenant:String} = '' OR e.tenant = {tenant:String}
ORDER BY requests DESC, tenant, task_type
