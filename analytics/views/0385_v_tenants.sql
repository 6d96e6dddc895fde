CREATE OR REPLACE VIEW v_tenants
(
    tenant LowCardinality(String) COMMENT 'Tenant',
    version UInt32 COMMENT 'Newest version of its document',
    since DateTime64(6, 'UTC') COMMENT 'When it was published',
    policy String COMMENT 'Its router',
    plan String COMMENT 'Its plan; '''' without one',
    daily_cap Nullable(Decimal(38, 12)) COMMENT 'Dollars a day at most; NULL without a cap',
    monthly_cap Nullable(Decimal(38, 12)) COMMENT 'Dollars a month at most; NULL without a cap',
    per_request_cap Nullable(Decimal(38, 12)) COMMENT 'Dollars a request at most; NULL without a cap',
    preferred_models Array(String) COMMENT 'Preferred models, as written',
    avoided_models Array(String) COMMENT 'Avoided models, as written',
    spaces UInt64 COMMENT 'Number of spaces',
    routes UInt64 COMMENT 'Number of rules of its own'
)
AS
SELECT
    t.tenant AS tenant,
    t.version AS version,
    t.since AS since,
    JSONExtractString(t.document, 'policy') AS policy,
    JSONExtractString(t.document, 'plan') AS plan,
    toDecimal128OrNull(JSONExtractString(t.document, 'budget', 'daily'), 12) AS daily_cap,
    toDecimal128OrNull(JSONExtractString(t.document, 'budget', 'monthly'), 12) AS monthly_cap,
    toDecimal128OrNull(JSONExtractString(t.document, 'budget', 'per_request'), 12) AS per_request_cap,
    JSONExtract(t.document, 'preferred_models', 'Array(String)') AS preferred_models,
    JSONExtract(t.document, 'avoid_models', 'Array(String)') AS avoided_models,
    length(JSONExtractKeys(t.document, 'spaces')) AS spaces,
    JSONLength(t.document, 'routes') AS routes
FROM
(
    SELECT v.name AS tenant, max(v.version) AS version, argMax(v.document, v.version) AS document, argMax(v.event_ts, v.version) AS since
    FROM config_versions AS v FINAL
    WHERE v.kind = 'tenant'
    GROUP BY v.name
) AS t
COMMENT 'Grain: one row per tenant that has a document: what it is set to now.';
