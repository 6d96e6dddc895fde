CREATE OR REPLACE VIEW v_user_settings
(
    tenant LowCardinality(String) COMMENT 'Tenant',
    user String COMMENT 'User',
    since DateTime64(6, 'UTC') COMMENT 'When the router applied the last change',
    auto String COMMENT 'on, off or fixed',
    model String COMMENT 'Model of Auto fixed',
    display String COMMENT 'badge, box or off; '''' as the plan says',
    preferred_models Array(LowCardinality(String)) COMMENT 'Preferred models',
    avoided_models Array(LowCardinality(String)) COMMENT 'Avoided models',
    profile String COMMENT 'Capability profile',
    changes UInt64 COMMENT 'Changes that were applied'
)
AS
SELECT
    s.tenant AS tenant,
    s.user AS user,
    max(s.event_ts) AS since,
    toString(argMax(s.auto, (s.event_ts, s.src_offset))) AS auto,
    toString(argMax(s.model, (s.event_ts, s.src_offset))) AS model,
    toString(argMax(s.display, (s.event_ts, s.src_offset))) AS display,
    argMax(s.preferred_models, (s.event_ts, s.src_offset)) AS preferred_models,
    argMax(s.avoided_models, (s.event_ts, s.src_offset)) AS avoided_models,
    toString(argMax(s.profile, (s.event_ts, s.src_offset))) AS profile,
    count() AS changes
FROM user_settings AS s FINAL
WHERE s.kind = 'applied'
GROUP BY s.tenant, s.user
COMMENT 'Grain: one row per user who ever changed a setting: the settings in force.';
