CREATE OR REPLACE VIEW v_share_targets
(
    router String COMMENT 'Policy by name; its newest version is in force',
    version UInt32 COMMENT 'That version',
    catalog String COMMENT 'Catalog whose aliases the names were read with, newest version',
    named String COMMENT 'Model as the policy names it',
    model String COMMENT 'Model id of the catalog; a pattern stays as it is written',
    target Nullable(Float64) COMMENT 'Target share 0 to 1, all targets of the router scaled to sum to 1; NULL without one',
    upper_limit Nullable(Float64) COMMENT 'Share it has to stay below; NULL without one',
    tolerance Float64 COMMENT 'How far a share may be off its target'
)
AS
SELECT
    p.router AS router,
    p.version AS version,
    c.catalog AS catalog,
    p.named AS named,
    arrayFold((known, hop) -> if(mapContains(c.aliases, known), c.aliases[known], known), range(8), p.plain) AS model,
    p.target AS target,
    p.upper_limit AS upper_limit,
    p.tolerance AS tolerance
FROM
(
    SELECT
        d.name AS router,
        d.version AS version,
        tupleElement(entry, 1) AS named,
        arrayElement(splitByChar('/', replaceRegexpAll(lower(trimBoth(named)), '[\\s_]+', '-')), -1) AS plain,
        if(tupleElement(entry, 3) = 'target', round(tupleElement(entry, 2) / d.total, 9), NULL) AS target,
        if(tupleElement(entry, 3) = 'limit', tupleElement(entry, 2), NULL) AS upper_limit,
        d.tolerance AS tolerance
    FROM
    (
        SELECT
            v.name AS name,
            max(v.version) AS version,
            argMax(v.document, v.version) AS document,
            JSONExtractKeysAndValues(document, 'shares', 'targets', 'Float64') AS targets,
            JSONExtractKeysAndValues(document, 'shares', 'upper_limits', 'Float64') AS limits,
            arraySum(pair -> tupleElement(pair, 2), targets) AS total,
            if(JSONHas(document, 'shares', 'tolerance'), JSONExtractFloat(document, 'shares', 'tolerance'), 0.05) AS tolerance,
            arrayConcat(
                arrayMap(pair -> (tupleElement(pair, 1), tupleElement(pair, 2), 'target'), targets),
                arrayMap(pair -> (tupleElement(pair, 1), tupleElement(pair, 2), 'limit'), limits)
            ) AS entries
        FROM config_versions AS v FINAL
        WHERE v.kind = 'policy'
        GROUP BY v.name
    ) AS d
    ARRAY JOIN d.entries AS entry
) AS p
CROSS JOIN v_aliases AS c
COMMENT 'Grain: one row per router, catalog and model with a target share or an upper limit.';
