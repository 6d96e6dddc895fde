CREATE OR REPLACE VIEW v_areas
(
    tenant LowCardinality(String) COMMENT 'Tenant',
    space String COMMENT 'Space',
    area String COMMENT 'Area; '''' for the space itself',
    space_type String COMMENT 'coding, writing, research or general',
    task_type String COMMENT 'Kind of work the area is for; '''' where it says nothing',
    lock String COMMENT 'Model the area is locked to, as written; '''' without a lock',
    profile String COMMENT 'Capability profile: the area''s own, else the space''s',
    prefer Array(String) COMMENT 'Preferred models as written, the space''s first',
    avoid Array(String) COMMENT 'Avoided models as written, the space''s first'
)
AS
SELECT
    s.tenant AS tenant,
    s.space AS space,
    tupleElement(entry, 1) AS area,
    s.space_type AS space_type,
    JSONExtractString(tupleElement(entry, 2), 'task_type') AS task_type,
    JSONExtractString(tupleElement(entry, 2), 'lock') AS lock,
    if(JSONExtractString(tupleElement(entry, 2), 'profile') != '', JSONExtractString(tupleElement(entry, 2), 'profile'), s.profile) AS profile,
    arrayConcat(s.prefer, JSONExtract(tupleElement(entry, 2), 'prefer', 'Array(String)')) AS prefer,
    arrayConcat(s.avoid, JSONExtract(tupleElement(entry, 2), 'avoid', 'Array(String)')) AS avoid
FROM
(
    SELECT
        t.tenant AS tenant,
        tupleElement(place, 1) AS space,
        if(JSONHas(tupleElement(place, 2), 'type'), JSONExtractString(tupleElement(place, 2), 'type'), 'general') AS space_type,
        JSONExtractString(tupleElement(place, 2), 'profile') AS profile,
        JSONExtract(tupleElement(place, 2), 'prefer', 'Array(String)') AS prefer,
        JSONExtract(tupleElement(place, 2), 'avoid', 'Array(String)') AS avoid,
        arrayConcat([('', '{}')], JSONExtractKeysAndValuesRaw(tupleElement(place, 2), 'areas')) AS entries
    FROM
    (
        SELECT v.name AS tenant, JSONExtractKeysAndValuesRaw(argMax(v.document, v.version), 'spaces') AS spaces
        FROM config_versions AS v FINAL
        WHERE v.kind = 'tenant'
        GROUP BY v.name
    ) AS t
    ARRAY JOIN t.spaces AS place
) AS s
ARRAY JOIN s.entries AS entry
COMMENT 'Grain: one row per tenant, space and area, and one for the space itself: what they are set to now, with what areas inherit.';
