-- Grain: one row per tenant, router and model (or kind of work besides), those with a target first.
-- {tenant} '' is all of them; {task_type} all is the whole traffic, '' every kind of work beside it.
SELECT
    s.tenant AS tenant,
    s.router AS router,
    s.task_type AS task_type,
    s.model AS model,
    s.decisions AS decisions,
    s.traffic_share AS traffic_share,
    s.target AS target,
    s.upper_limit AS upper_limit,
    s.tolerance AS tolerance,
    s.state AS state,
    s.spend AS spend,
    s.spend_share AS spend_share
FROM v_share_vs_target AS s
WHERE ({tenant:String} = '' OR s.tenant = {tenant:String}) AND ({task_type:String} = '' OR s.task_type = {task_type:String})
ORDER BY tenant, router, task_type != 'all', task_type, state = 'no_target', target DESC NULLS LAST, traffic_share DESC, model
