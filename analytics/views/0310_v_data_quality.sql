CREATE OR REPLACE VIEW v_data_quality
(
    topic LowCardinality(String) COMMENT 'Topic',
    fault LowCardinality(String) COMMENT 'What is wrong',
    records UInt64 COMMENT 'Number of records',
    last_seen DateTime64(6, 'UTC') COMMENT 'When the last one was written'
)
AS
SELECT e.src_topic AS topic, e.parse_error AS fault, count() AS records, max(e.append_ts) AS last_seen
FROM events AS e FINAL
WHERE e.parse_error != ''
GROUP BY e.src_topic, e.parse_error
COMMENT 'Grain: one row per topic and fault: records that are no events, and events whose own table lacked a value.';
