CREATE OR REPLACE VIEW v_completion
(
    day Date COMMENT 'Day, UTC',
    tenant LowCardinality(String) COMMENT 'Tenant',
    accepted UInt64 COMMENT 'Accepted requests, by request id',
    completed UInt64 COMMENT 'Answered',
    routed UInt64 COMMENT 'Decided only, as asked',
    refused UInt64 COMMENT 'Refused, with a reason',
    failed UInt64 COMMENT 'No attempt answered',
    interrupted UInt64 COMMENT 'Broken after the first token',
    cancelled UInt64 COMMENT 'Cancelled by the client',
    pending UInt64 COMMENT 'Not ended yet',
    completion_rate Nullable(Float64) COMMENT '(completed + routed) / (accepted - refused - cancelled - pending)'
)
AS
SELECT
    q.day AS day,
    q.tenant AS tenant,
    count() AS accepted,
    countIf(q.status = 'completed') AS completed,
    countIf(q.status = 'routed') AS routed,
    countIf(q.status = 'refused') AS refused,
    countIf(q.status = 'failed') AS failed,
    countIf(q.status = 'interrupted') AS interrupted,
    countIf(q.status = 'cancelled') AS cancelled,
    countIf(q.status = '') AS pending,
    if(accepted > refused + cancelled + pending, (completed + routed) / (accepted - refused - cancelled - pending), NULL) AS completion_rate
FROM
(
    SELECT e.tenant AS tenant, e.request_id AS request_id, toDate(min(e.event_ts)) AS day, max(e.status) AS status
    FROM
    (
        SELECT c.tenant AS tenant, c.request_id AS request_id, c.event_ts AS event_ts, '' AS status FROM classifications AS c FINAL
        UNION ALL
        SELECT t.tenant AS tenant, t.request_id AS request_id, t.event_ts AS event_ts, toString(t.status) AS status FROM technical_outcomes AS t FINAL
    ) AS e
    GROUP BY e.tenant, e.request_id
) AS q
GROUP BY q.day, q.tenant
COMMENT 'Grain: one row per day and tenant with accepted requests, by how they ended.';
