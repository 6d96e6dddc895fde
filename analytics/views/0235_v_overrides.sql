CREATE OR REPLACE VIEW v_overrides
(
    tenant LowCardinality(String) COMMENT 'Tenant',
    override_id String COMMENT 'Override',
    event_ts DateTime64(6, 'UTC') COMMENT 'When',
    scope String COMMENT 'request, conversation, area, space or always',
    model String COMMENT 'Model asked for; auto lifts an override',
    from_model String COMMENT 'Model that served before',
    task_type String COMMENT 'Kind of work',
    user String COMMENT 'User',
    request_id String COMMENT 'Request',
    answer String COMMENT 'applied, too_late, rejected, or open',
    answer_reason String COMMENT 'The router''s reason'
)
AS
SELECT
    o.tenant AS tenant,
    o.override_id AS override_id,
    min(o.event_ts) AS event_ts,
    anyIf(o.scope, o.kind = 'requested') AS scope,
    any(o.model) AS model,
    anyIf(o.from_model, o.from_model != '') AS from_model,
    anyIf(o.task_type, o.task_type != '') AS task_type,
    anyIf(o.user, o.user != '') AS user,
    anyIf(o.request_id, o.request_id != '') AS request_id,
    multiIf(countIf(o.kind = 'applied') > 0, 'applied', countIf(o.kind = 'too_late') > 0, 'too_late', countIf(o.kind = 'rejected') > 0, 'rejected', 'open') AS answer,
    anyIf(o.reason, o.kind != 'requested') AS answer_reason
FROM overrides AS o FINAL
GROUP BY o.tenant, o.override_id
COMMENT 'Grain: one row per override: what was asked, and what the router answered.';
