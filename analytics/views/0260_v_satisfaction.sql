CREATE OR REPLACE VIEW v_satisfaction
(
    tenant LowCardinality(String) COMMENT 'Tenant',
    model LowCardinality(String) COMMENT 'Model',
    answers UInt64 COMMENT 'Completed requests, probes apart',
    rated UInt64 COMMENT 'Of them rated, once or more',
    ratings UInt64 COMMENT 'Number of ratings, also of answers that are not recorded',
    rating Nullable(Float64) COMMENT 'Mean rating 0 to 1; NULL where nobody rated',
    response_rate Nullable(Float64) COMMENT 'rated / answers; NULL without answers'
)
AS
SELECT
    u.tenant AS tenant,
    u.model AS model,
    sum(u.answer) AS answers,
    sum(u.rated_answer) AS rated,
    sum(u.rating) AS ratings,
    if(ratings > 0, sum(u.value) / ratings, NULL) AS rating,
    if(answers > 0, rated / answers, NULL) AS response_rate
FROM
(
    SELECT o.tenant AS tenant, o.model AS model, 1 AS answer, if(o.ratings > 0, 1, 0) AS rated_answer, 0 AS rating, 0. AS value
    FROM routing_outcomes AS o
    WHERE o.status = 'completed' AND o.use_case != 'pointsman.probe'
    UNION ALL
    SELECT f.tenant AS tenant, f.model AS model, 0 AS answer, 0 AS rated_answer, 1 AS rating, f.value AS value
    FROM feedback_outcomes AS f FINAL
    WHERE f.kind = 'rated'
) AS u
GROUP BY u.tenant, u.model
COMMENT 'Grain: one row per tenant and model with answers or ratings; read the rating together with its response rate: who rates is not a random part of who asks.';
