CREATE OR REPLACE VIEW v_preferences
(
    tenant LowCardinality(String) COMMENT 'Tenant',
    user String COMMENT 'User',
    model LowCardinality(String) COMMENT 'Model',
    version UInt64 COMMENT 'Version of the user row',
    score Float64 COMMENT 'Preference 0 to 1; 0.5 knows nothing',
    answers UInt64 COMMENT 'Answers of this model',
    overrides_to UInt64 COMMENT 'Overrides towards it',
    overrides_from UInt64 COMMENT 'Overrides away from it',
    ratings UInt64 COMMENT 'Number of ratings',
    rating Nullable(Float64) COMMENT 'Mean rating 0 to 1; NULL where nobody rated',
    regenerations UInt64 COMMENT 'Answers asked for again'
)
AS
SELECT
    p.tenant AS tenant,
    p.user AS user,
    p.model AS model,
    max(p.version) AS version,
    argMax(p.score, p.version) AS score,
    argMax(p.answers, p.version) AS answers,
    argMax(p.overrides_to, p.version) AS overrides_to,
    argMax(p.overrides_from, p.version) AS overrides_from,
    argMax(p.ratings, p.version) AS ratings,
    if(argMax(p.ratings, p.version) > 0, argMax(p.rating_sum, p.version) / argMax(p.ratings, p.version), NULL) AS rating,
    argMax(p.regenerations, p.version) AS regenerations
FROM preference_scores AS p FINAL
GROUP BY p.tenant, p.user, p.model
COMMENT 'Grain: one row per user and model: the preference in force, and the counts behind it.';
