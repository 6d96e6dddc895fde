-- Grain: one row per pair of models that people switched between, and the router's answer.
SELECT o.from_model AS from_model, o.model AS to_model, o.answer AS answer, count() AS overrides, uniqExact(o.user) AS users
FROM v_overrides AS o
GROUP BY o.from_model, o.model, o.answer
ORDER BY overrides DESC, from_model, to_model, answer
LIMIT 20
