ALTER TABLE preference_scores
    ADD COLUMN IF NOT EXISTS level LowCardinality(String) COMMENT 'Whose row it is: user, space or organisation; '''' for user in rows of before there were levels',
    ADD COLUMN IF NOT EXISTS space LowCardinality(String) COMMENT 'Space, of level space',
    ADD COLUMN IF NOT EXISTS evidence Float64 COMMENT 'Observations behind the score, weighted and faded',
    MODIFY ORDER BY (tenant, user, model, version, level, space);
