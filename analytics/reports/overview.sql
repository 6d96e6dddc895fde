-- Grain: one row: what happened to all accepted requests.
SELECT
    sum(accepted) AS accepted,
    sum(c.completed) AS completed,
    sum(c.routed) AS routed,
    sum(c.refused) AS refused,
    sum(c.failed) AS failed,
    sum(c.interrupted) AS interrupted,
    sum(c.cancelled) AS cancelled,
    sum(c.pending) AS pending,
    if(
        sum(c.accepted) > sum(c.refused + c.cancelled + c.pending),
        sum(c.completed + c.routed) / (sum(c.accepted) - sum(c.refused + c.cancelled + c.pending)),
        NULL
    ) AS completion_rate
FROM v_completion AS c
