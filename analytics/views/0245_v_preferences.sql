CREATE OR REPLACE VIEW v_preferences
(
    tenant LowCardinality(String) COMMENT 'Tenant',
    level LowCardinality(String) COMMENT 'Whose preference: user, space or organisation',
    user String COMMENT 'User, of level user; '''' for ratings that name nobody',
    space LowCardinality(String) COMMENT 'Space, of level space',
    model LowCardinality(String) COMMENT 'Model',
    version UInt64 COMMENT 'Version of the row',
    score Float64 COMMENT 'Preference 0 to 1 by the default policy, from this row alone; 0.5 knows nothing',
    evidence Float64 COMMENT 'Observations behind the score, weighted and faded',
    answers UInt64 COMMENT 'Answers of this model; counts are of level user only',
    overrides_to UInt64 COMMENT 'Overrides towards it',
    overrides_from UInt64 COMMENT 'Overrides away from it',
    ratings UInt64 COMMENT 'Number of ratings',
    rating Nullable(Float64) COMMENT 'Mean rating 0 to 1; NULL where nobody rated',
    regenerations UInt64 COMMENT 'Answers asked for again'
)
AS
SELECT
    p.tenant AS tenant,
    n.level AS level,
    p.user AS user,
    p.space AS space,
    p.model AS model,
    p.version AS version,
    p.score AS score,
    p.evidence AS evidence,
    p.answers AS answers,
    p.overrides_to AS overrides_to,
    p.overrides_from AS overrides_from,
    p.ratings AS ratings,
    if(p.ratings > 0, p.rating_sum / p.ratings, NULL) AS rating,
    p.regenerations AS regenerations
FROM preference_scores AS p FINAL
INNER JOIN
(
    SELECT
        tenant,
        if(level = '', 'user', level) AS level,
        user,
        space,
        max(version) AS version
    FROM preference_scores FINAL
    GROUP BY tenant, level, user, space
) AS n
    ON n.tenant = p.tenant AND n.user = p.user AND n.space = p.space AND n.version = p.version
    AND n.level = if(p.level = '', 'user', p.level)
WHERE p.model != ''
COMMENT 'Grain: one row per user, space or organisation and model: the preference in force, and the counts behind it.';
