-- Grain: one row per user and model about which people's behaviour said something, the strongest preference first.
SELECT
    p.tenant AS tenant,
    p.user AS user,
    p.model AS model,
    p.score AS score,
    p.overrides_to AS overrides_to,
    p.overrides_from AS overrides_from,
    p.ratings AS ratings,
    p.rating AS rating
FROM v_preferences AS p
WHERE p.level = 'user' AND p.overrides_to + p.overrides_from + p.ratings > 0
ORDER BY abs(p.score - 0.5) DESC, tenant, user, model
LIMIT 20
