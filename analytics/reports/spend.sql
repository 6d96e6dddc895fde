-- Grain: one row per month and customer, the newest month and the dearest customer first.
-- {by} is tenant or user; {tenant} '' is all of them; {month} '' every month, else YYYY-MM.
SELECT
    formatDateTime(v.month, '%Y-%m') AS period,
    v.tenant AS customer,
    if({by:String} = 'user', v.user, '') AS person,
    sum(v.requests) AS requests,
    sum(v.cost) AS cost,
    sum(v.overhead) AS overhead,
    toFloat64(cost) / nullIf(toFloat64(sum(cost) OVER (PARTITION BY period)), 0) AS share,
    sum(v.input_tokens) AS input_tokens,
    sum(v.output_tokens) AS output_tokens
FROM v_spend_by_customer AS v
WHERE ({tenant:String} = '' OR v.tenant = {tenant:String}) AND ({month:String} = '' OR formatDateTime(v.month, '%Y-%m') = {month:String})
GROUP BY period, customer, person
ORDER BY period DESC, cost DESC, customer, person
