CREATE OR REPLACE VIEW v_aliases
(
    catalog String COMMENT 'Catalog by name',
    version UInt32 COMMENT 'Its newest version',
    aliases Map(String, String) COMMENT 'What an alias (lower case, dashes) is short for: a model id or another alias'
)
AS
SELECT
    v.name AS catalog,
    max(v.version) AS version,
    CAST(
        arrayMap(
            pair -> (replaceRegexpAll(lower(trimBoth(tupleElement(pair, 1))), '[\\s_]+', '-'), tupleElement(pair, 2)),
            JSONExtractKeysAndValues(argMax(v.document, v.version), 'aliases', 'String')
        ),
        'Map(String, String)'
    ) AS aliases
FROM config_versions AS v FINAL
WHERE v.kind = 'catalog'
GROUP BY v.name
COMMENT 'Grain: one row per catalog: the aliases of its newest version.';
