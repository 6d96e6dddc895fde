-- Grain: one row per tenant and open budget window with a cap, the fullest first.
SELECT
    b.tenant AS tenant,
    b.window AS window,
    b.cap AS cap,
    b.spent AS spent,
    b.held AS held,
    b.spent_percent AS spent_percent,
    (
        SELECT count()
        FROM routing_decisions AS d FINAL
        WHERE d.kind = 'refused' AND startsWith(d.refusal_code, 'budget_')
    ) AS refusals_of_all_tenants
FROM v_budget_status AS b
WHERE b.cap IS NOT NULL
ORDER BY spent_percent DESC, tenant, window
LIMIT 20
