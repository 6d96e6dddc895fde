CREATE OR REPLACE VIEW v_auto_vs_manual
(
    basis LowCardinality(String) COMMENT 'observational: people chose whether to choose, so a difference is no effect of routing; randomised: chance assigned the arm',
    tenant LowCardinality(String) COMMENT 'Tenant',
    experiment String COMMENT 'Experiment, of basis randomised',
    choice String COMMENT 'auto (routing chose) or manual (a person named a model or pool: in the request, by override, by settings); of basis randomised, the arm of the first decision, whatever followed',
    task_type LowCardinality(String) COMMENT 'Kind of work: compare within one, mixes differ',
    requests UInt64 COMMENT 'Requests that have ended',
    completed UInt64 COMMENT 'Of them answered',
    completion_rate Nullable(Float64) COMMENT 'completed / (requests - refused - cancelled - routed)',
    cost Decimal(38, 12) COMMENT 'Dollars of the answered ones, advice included',
    cost_per_answer Nullable(Decimal(38, 12)) COMMENT 'cost / completed',
    latency_p50_ms Nullable(UInt32) COMMENT 'Median latency of the answered, milliseconds',
    fallbacks UInt64 COMMENT 'Answered requests that needed more than one attempt',
    rated UInt64 COMMENT 'Answered requests that were rated',
    response_rate Nullable(Float64) COMMENT 'rated / completed',
    rating Nullable(Float64) COMMENT 'Mean rating 0 to 1 of the rated; NULL where nobody rated',
    rating_error Nullable(Float64) COMMENT 'Standard error of that mean; NULL of fewer than two'
)
AS
SELECT
    x.basis AS basis,
    x.tenant AS tenant,
    x.experiment AS experiment,
    x.choice AS choice,
    x.task_type AS task_type,
    count() AS requests,
    countIf(x.status = 'completed') AS completed,
    completed / nullIf(countIf(x.status NOT IN ('refused', 'cancelled', 'routed')), 0) AS completion_rate,
    sumIf(toDecimal128(x.cost, 12), x.status = 'completed') AS cost,
    if(completed > 0, cost / completed, NULL) AS cost_per_answer,
    quantileExactIf(0.5)(x.latency_ms, x.status = 'completed') AS latency_p50_ms,
    countIf(x.status = 'completed' AND x.fallbacks > 0) AS fallbacks,
    countIf(x.status = 'completed' AND x.ratings > 0) AS rated,
    if(completed > 0, rated / completed, NULL) AS response_rate,
    if(rated > 0, avgIf(ifNull(x.rating, 0), x.status = 'completed' AND x.ratings > 0), NULL) AS rating,
    if(rated > 1, stddevSampIf(ifNull(x.rating, 0), x.status = 'completed' AND x.ratings > 0) / sqrt(rated), NULL) AS rating_error
FROM
(
    SELECT
        if(f.experiment = '', 'observational', 'randomised') AS basis,
        o.tenant AS tenant,
        f.experiment AS experiment,
        multiIf(f.experiment != '', f.arm, l.forced > 0, 'manual', 'auto') AS choice,
        o.task_type AS task_type,
        o.status AS status,
        o.cost AS cost,
        o.latency_ms AS latency_ms,
        o.fallbacks AS fallbacks,
        o.ratings AS ratings,
        o.rating AS rating
    FROM routing_outcomes AS o
    INNER JOIN
    (
        SELECT d.tenant AS tenant, d.request_id AS request_id, toString(argMin(d.experiment, d.number)) AS experiment, toString(argMin(d.arm, d.number)) AS arm
        FROM routing_decisions AS d FINAL
        WHERE d.kind = 'made' AND NOT d.probe
        GROUP BY d.tenant, d.request_id
    ) AS f ON f.tenant = o.tenant AND f.request_id = o.request_id
    LEFT JOIN
    (
        SELECT e.tenant AS tenant, e.event_id AS event_id, max(e.forced_by != '') AS forced
        FROM routing_decisions AS e FINAL
        GROUP BY e.tenant, e.event_id
    ) AS l ON l.tenant = o.tenant AND l.event_id = o.decision_id
) AS x
GROUP BY x.basis, x.tenant, x.experiment, x.choice, x.task_type
COMMENT 'Grain: one row per basis, tenant, experiment, choice and task type with decided requests that have ended, probes apart. Never add rows of the two bases up: requests of experiments are in the randomised rows only.';
