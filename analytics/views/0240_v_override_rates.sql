CREATE OR REPLACE VIEW v_override_rates
(
    tenant LowCardinality(String) COMMENT 'Tenant',
    model String COMMENT 'Model',
    decisions UInt64 COMMENT 'Decisions of the router''s own for this model: nobody named it',
    overrides_away UInt64 COMMENT 'Applied overrides away from it',
    overrides_to UInt64 COMMENT 'Applied overrides towards it',
    override_rate Nullable(Float64) COMMENT 'overrides_away / decisions; NULL without decisions'
)
AS
SELECT
    u.tenant AS tenant,
    u.model AS model,
    sum(u.decided) AS decisions,
    sum(u.away) AS overrides_away,
    sum(u.towards) AS overrides_to,
    if(decisions > 0, overrides_away / decisions, NULL) AS override_rate
FROM
(
    SELECT d.tenant AS tenant, d.model AS model, 1 AS decided, 0 AS away, 0 AS towards
    FROM routing_decisions AS d FINAL
    WHERE d.kind = 'made' AND d.cause = 'request' AND d.forced_by = ''
    UNION ALL
    SELECT o.tenant AS tenant, o.from_model AS model, 0 AS decided, 1 AS away, 0 AS towards
    FROM v_overrides AS o
    WHERE o.answer = 'applied' AND o.model != 'auto' AND o.from_model != ''
    UNION ALL
    SELECT o.tenant AS tenant, o.model AS model, 0 AS decided, 0 AS away, 1 AS towards
    FROM v_overrides AS o
    WHERE o.answer = 'applied' AND o.model != 'auto'
) AS u
GROUP BY u.tenant, u.model
COMMENT 'Grain: one row per tenant and model that was decided for or overridden: how often people chose another one.';
