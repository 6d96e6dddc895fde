CREATE OR REPLACE VIEW v_satisfaction
(
    tenant LowCardinality(String) COMMENT 'Tenant',
    model LowCardinality(String) COMMENT 'Model',
    answers UInt64 COMMENT 'Completed requests, probes apart',
    ratings UInt64 COMMENT 'Number of ratings',
    rating Nullable(Float64) COMMENT 'Mean rating 0 to 1; NULL where nobody rated',
    response_rate Nullable(Float64) COMMENT 'ratings / answers; NULL without answers'
)
AS
SELECT
    u.tenant AS tenant,
    u.model AS model,
    sum(u.answer) AS answers,
    sum(u.rated) AS ratings,
    if(ratings > 0, sum(u.value) / ratings, NULL) AS rating,
    if(answers > 0, ratings / answers, NULL) AS response_rate
FROM
(
    SELECT t.tenant AS tenant, t.model AS model, 1 AS answer, 0 AS rated, 0. AS value
    FROM technical_outcomes AS t FINAL
    WHERE t.status = 'completed' AND t.use_case != 'pointsman.probe'
    UNION ALL
    SELECT f.tenant AS tenant, f.model AS model, 0 AS answer, 1 AS rated, f.value AS value
    FROM feedback_outcomes AS f FINAL
    WHERE f.kind = 'rated'
) AS u
GROUP BY u.tenant, u.model
COMMENT 'Grain: one row per tenant and model with answers or ratings; read the rating together with its response rate.';
