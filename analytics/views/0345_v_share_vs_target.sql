CREATE OR REPLACE VIEW v_share_vs_target
(
    tenant LowCardinality(String) COMMENT 'Tenant',
    router String COMMENT 'Policy that decided, by name',
    catalog String COMMENT 'Catalog, by name',
    task_type String COMMENT 'Kind of work; all for the whole traffic, which is what the targets are meant for',
    model String COMMENT 'Model that was chosen, or has a target or limit',
    decisions UInt64 COMMENT 'Decisions for it',
    all_decisions UInt64 COMMENT 'Decisions of this router for the tenant and kind of work; of few, shares say little',
    traffic_share Nullable(Float64) COMMENT 'decisions / all_decisions',
    spend Decimal(38, 12) COMMENT 'Dollars charged for its answers, fallbacks counted for the model that was called',
    spend_share Nullable(Float64) COMMENT 'Share of the dollars charged; NULL where nothing was',
    target Nullable(Float64) COMMENT 'Target share of traffic, 0 to 1; NULL without one',
    upper_limit Nullable(Float64) COMMENT 'Share of traffic it has to stay below; NULL without one',
    tolerance Nullable(Float64) COMMENT 'How far the share may be off its target',
    gap Nullable(Float64) COMMENT 'traffic_share - target; of a limit, traffic_share - upper_limit',
    state String COMMENT 'within, below or above the target; under_limit or over_limit; no_target'
)
AS
SELECT
    s.tenant AS tenant,
    s.router AS router,
    s.catalog AS catalog,
    s.task_type AS task_type,
    s.model AS model,
    s.decisions AS decisions,
    s.all_decisions AS all_decisions,
    s.traffic_share AS traffic_share,
    s.spend AS spend,
    s.spend_share AS spend_share,
    g.target AS target,
    g.upper_limit AS upper_limit,
    g.tolerance AS tolerance,
    round(s.traffic_share - ifNull(g.target, g.upper_limit), 9) AS gap,
    multiIf(
        g.upper_limit IS NOT NULL AND s.traffic_share >= g.upper_limit, 'over_limit',
        g.target IS NULL, if(g.upper_limit IS NULL, 'no_target', 'under_limit'),
        abs(round(s.traffic_share - g.target, 9)) <= g.tolerance, 'within',
        s.traffic_share < g.target, 'below',
        'above'
    ) AS state
FROM
(
    SELECT
        u.tenant AS tenant,
        u.router AS router,
        u.catalog AS catalog,
        kind_of_work AS task_type,
        u.model AS model,
        sum(u.decided) AS decisions,
        sum(decisions) OVER same AS all_decisions,
        if(all_decisions > 0, decisions / all_decisions, NULL) AS traffic_share,
        sum(u.cost) AS spend,
        sum(spend) OVER same AS all_spend,
        if(all_spend > 0, toFloat64(spend) / toFloat64(all_spend), NULL) AS spend_share
    FROM
    (
        SELECT d.tenant AS tenant, splitByChar('@', toString(d.policy))[1] AS router, splitByChar('@', toString(d.catalog))[1] AS catalog, toString(d.task_type) AS task_type, toString(d.model) AS model, 1 AS decided, toDecimal128(0, 12) AS cost
        FROM routing_decisions AS d FINAL
        WHERE d.kind = 'made' AND NOT d.probe
        UNION ALL
        SELECT r.tenant AS tenant, r.router AS router, r.catalog AS catalog, r.task_type AS task_type, toString(c.model) AS model, 0 AS decided, toDecimal128(c.cost, 12) AS cost
        FROM cost_tracking AS c
        INNER JOIN
        (
            SELECT e.tenant AS tenant, e.event_id AS event_id, any(splitByChar('@', toString(e.policy))[1]) AS router, any(splitByChar('@', toString(e.catalog))[1]) AS catalog, any(toString(e.task_type)) AS task_type
            FROM routing_decisions AS e FINAL
            WHERE e.kind = 'made' AND NOT e.probe
            GROUP BY e.tenant, e.event_id
        ) AS r ON r.tenant = c.tenant AND r.event_id = c.decision_id
        UNION ALL
        SELECT k.tenant AS tenant, k.router AS router, k.catalog AS catalog, k.task_type AS task_type, a.model AS model, 0 AS decided, toDecimal128(0, 12) AS cost
        FROM
        (
            SELECT DISTINCT f.tenant AS tenant, splitByChar('@', toString(f.policy))[1] AS router, splitByChar('@', toString(f.catalog))[1] AS catalog, toString(f.task_type) AS task_type
            FROM routing_decisions AS f FINAL
            WHERE f.kind = 'made' AND NOT f.probe
        ) AS k
        INNER JOIN v_share_targets AS a ON a.router = k.router AND a.catalog = k.catalog
    ) AS u
    ARRAY JOIN ['all', u.task_type] AS kind_of_work
    GROUP BY u.tenant, u.router, u.catalog, kind_of_work, u.model
    WINDOW same AS (PARTITION BY u.tenant, u.router, u.catalog, kind_of_work)
) AS s
LEFT JOIN
(
    SELECT t.router AS router, t.catalog AS catalog, t.model AS model, sumOrNull(t.target) AS target, minOrNull(t.upper_limit) AS upper_limit, toNullable(max(t.tolerance)) AS tolerance
    FROM v_share_targets AS t
    GROUP BY t.router, t.catalog, t.model
) AS g ON g.router = s.router AND g.catalog = s.catalog AND g.model = s.model
COMMENT 'Grain: one row per tenant, router, catalog, kind of work (and all) and model: its share of decisions and, apart, of spending, beside the targets of the router''s newest version. Targets are of traffic, as the share controller steers; every decision counts, those people forced too; probes do not.';
