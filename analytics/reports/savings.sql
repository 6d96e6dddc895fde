-- Grain: one row, or none without answered calls: the traffic's cost against one premium model at the same tokens.
-- The premium model is {baseline}; where that is empty, the dearest model that could have served at least a quarter of
-- the decisions (it passed all vetoes).
SELECT
    s.baseline_model AS baseline_model,
    sum(s.answers) AS answers,
    sum(s.actual_cost) AS actual_cost,
    sum(s.baseline_cost) AS baseline_cost,
    baseline_cost - actual_cost AS saved,
    if(baseline_cost > 0, toFloat64(saved) / toFloat64(baseline_cost), NULL) AS saved_share
FROM v_savings AS s
WHERE s.baseline_model = {baseline:String}
    OR (
        {baseline:String} = ''
        AND s.baseline_model IN
        (
            SELECT arrayJoin(d.candidate_models) AS candidate
            FROM routing_decisions AS d FINAL
            WHERE d.kind = 'made'
            GROUP BY candidate
            HAVING 4 * count() >= (SELECT count() FROM routing_decisions AS a FINAL WHERE a.kind = 'made')
        )
    )
GROUP BY s.baseline_model
ORDER BY baseline_cost DESC
LIMIT 1
