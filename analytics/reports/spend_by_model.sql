-- Grain: one row per model with spending, the dearest first; cost is what the ledgers were charged.
SELECT
    c.model AS model,
    uniqExact(c.attempt_id) AS calls,
    sum(toDecimal128(c.cost, 12)) AS cost,
    toFloat64(cost) / (SELECT toFloat64(sum(toDecimal128(t.cost, 12))) FROM cost_tracking AS t) AS share,
    sum(c.input_tokens) AS input_tokens,
    sum(c.output_tokens) AS output_tokens
FROM cost_tracking AS c
GROUP BY c.model
ORDER BY cost DESC, model
