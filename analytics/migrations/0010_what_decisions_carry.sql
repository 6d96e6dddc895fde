ALTER TABLE routing_decisions
    ADD COLUMN IF NOT EXISTS space LowCardinality(String) COMMENT 'Space',
    ADD COLUMN IF NOT EXISTS rule LowCardinality(String) COMMENT 'Rule that decided; '''' where none did',
    ADD COLUMN IF NOT EXISTS rule_source LowCardinality(String) COMMENT 'Document that states the rule, kind/name@version',
    ADD COLUMN IF NOT EXISTS probe Bool COMMENT 'A named model is probed: nobody reads the answer',
    ADD COLUMN IF NOT EXISTS cascade Bool COMMENT 'Starts a cascade: the answer is checked, and a better model follows where it is not good enough',
    ADD COLUMN IF NOT EXISTS cached Bool COMMENT 'Repeats a kept decision about an alike task (decision cache)',
    ADD COLUMN IF NOT EXISTS predicted_quality Nullable(Float64) COMMENT 'Share of good answers predicted of the chosen model, 0 to 1',
    ADD COLUMN IF NOT EXISTS above_quality Nullable(Float64) COMMENT 'Of an escalation: only models of which more was predicted could follow',
    ADD COLUMN IF NOT EXISTS term_capability Nullable(Float64) COMMENT 'Term of the chosen model''s score: ability for the work, 0 to 1',
    ADD COLUMN IF NOT EXISTS term_cost Nullable(Float64) COMMENT 'Term of the chosen model''s score: cost, 1 is cheapest',
    ADD COLUMN IF NOT EXISTS term_quality Nullable(Float64) COMMENT 'Term of the chosen model''s score: mean ability, 0 to 1',
    ADD COLUMN IF NOT EXISTS term_latency Nullable(Float64) COMMENT 'Term of the chosen model''s score: speed, 1 is fastest',
    ADD COLUMN IF NOT EXISTS term_history Nullable(Float64) COMMENT 'Term of the chosen model''s score: how it did before, 0 to 1',
    ADD COLUMN IF NOT EXISTS term_boost Nullable(Float64) COMMENT 'Boosts of the chosen model: rules, preferences, target shares, stickiness, advice',
    ADD COLUMN IF NOT EXISTS candidate_qualities Array(Nullable(Float64)) COMMENT 'Predicted shares of good answers, in the order of candidate_models; NULL where only the score was recorded',
    ADD COLUMN IF NOT EXISTS candidate_costs Array(Nullable(Decimal(38, 12))) COMMENT 'Dollars expected, in the order of candidate_models; NULL where only the score was recorded',
    ADD COLUMN IF NOT EXISTS cost_low Nullable(Decimal(18, 12)) COMMENT 'One call in ten like this costs less; NULL where no interval was recorded',
    ADD COLUMN IF NOT EXISTS cost_high Nullable(Decimal(18, 12)) COMMENT 'One call in ten like this costs more',
    ADD COLUMN IF NOT EXISTS latency_low_ms Nullable(UInt32) COMMENT 'One call in ten like this is faster; NULL where no interval was recorded',
    ADD COLUMN IF NOT EXISTS latency_high_ms Nullable(UInt32) COMMENT 'One call in ten like this is slower',
    ADD COLUMN IF NOT EXISTS profile LowCardinality(String) COMMENT 'Capability profile whose weights counted',
    ADD COLUMN IF NOT EXISTS weights String COMMENT 'Weights of all terms where they were not the router''s own, as JSON object',
    ADD COLUMN IF NOT EXISTS display LowCardinality(String) COMMENT 'How the answer shows the decision: badge, box or off',
    ADD COLUMN IF NOT EXISTS cluster_score Nullable(Float64) COMMENT 'Score of the cluster',
    ADD COLUMN IF NOT EXISTS own_prices LowCardinality(String) COMMENT 'Tenant document whose own price was used; '''' for the price book',
    ADD COLUMN IF NOT EXISTS max_output_tokens Nullable(UInt32) COMMENT 'Output tokens that one attempt may generate',
    ADD COLUMN IF NOT EXISTS timeout_ms Nullable(UInt32) COMMENT 'Longest time of one attempt',
    ADD COLUMN IF NOT EXISTS conversation_model LowCardinality(String) COMMENT 'Model of the conversation before this decision',
    ADD COLUMN IF NOT EXISTS warm_tokens UInt32 COMMENT 'Input tokens that the conversation''s provider still has in its prompt cache',
    ADD COLUMN IF NOT EXISTS advice_order_id String COMMENT 'Advice that was asked for before the decision (event_id in advice_orders)',
    ADD COLUMN IF NOT EXISTS advice_kind LowCardinality(String) COMMENT 'What was asked: classify or route',
    ADD COLUMN IF NOT EXISTS advice_outcome LowCardinality(String) COMMENT 'given, unreadable or failed',
    ADD COLUMN IF NOT EXISTS adviser LowCardinality(String) COMMENT 'Model that was asked for advice',
    ADD COLUMN IF NOT EXISTS advised_model LowCardinality(String) COMMENT 'Model that was advised',
    ADD COLUMN IF NOT EXISTS advised_task_type LowCardinality(String) COMMENT 'Kind of work that was advised',
    ADD COLUMN IF NOT EXISTS seen_preference Nullable(Float64) COMMENT 'What people''s behaviour said of the chosen model when it was decided, 0 to 1',
    ADD COLUMN IF NOT EXISTS seen_calls Nullable(UInt32) COMMENT 'Calls of the chosen model for such work that statistics then knew',
    ADD COLUMN IF NOT EXISTS seen_success_rate Nullable(Float64) COMMENT 'Their success rate then',
    ADD COLUMN IF NOT EXISTS seen_rating Nullable(Float64) COMMENT 'Mean rating of the chosen model for such work then',
    ADD COLUMN IF NOT EXISTS seen_health LowCardinality(String) COMMENT 'Health of the chosen model''s endpoint then: degraded, open, or '''' for good',
    ADD COLUMN IF NOT EXISTS auto LowCardinality(String) COMMENT 'Auto setting of the user: on, off or fixed; '''' for users who never set it',
    ADD COLUMN IF NOT EXISTS excluded_models Array(LowCardinality(String)) COMMENT 'Models that were tried for this request before',
    ADD COLUMN IF NOT EXISTS sensitive_kinds Array(LowCardinality(String)) COMMENT 'Kinds of sensitive data that were looked for and found',
    COMMENT COLUMN confidence 'How sure: the probability that no other model would have been worth clearly more; 1 where a person or a rule decided (docs/confidence.md)',
    COMMENT COLUMN candidate_models 'Models that passed all vetoes: those recorded in full, then those of which only the score was';

ALTER TABLE technical_outcomes
    ADD COLUMN IF NOT EXISTS degraded Bool COMMENT 'The answer is less than was wanted: found wanting by its check, or cut off',
    ADD COLUMN IF NOT EXISTS escalations UInt16 COMMENT 'Decisions that followed because a checked answer was not good enough';

ALTER TABLE results
    ADD COLUMN IF NOT EXISTS overhead Decimal(18, 12) COMMENT 'Of the cost: dollars spent on choosing the model, or on probing one',
    ADD COLUMN IF NOT EXISTS degraded String COMMENT 'Why the answer is less than was wanted; '''' where it is not',
    ADD COLUMN IF NOT EXISTS tool_calls UInt32 COMMENT 'Tool calls in the answer';

ALTER TABLE provider_calls
    ADD COLUMN IF NOT EXISTS purpose LowCardinality(String) COMMENT 'What the call is for: answer, advice before a decision, or probe; '''' for answer in rows of before there was advice',
    ADD COLUMN IF NOT EXISTS space LowCardinality(String) COMMENT 'Space',
    ADD COLUMN IF NOT EXISTS conversation_id String COMMENT 'Conversation',
    ADD COLUMN IF NOT EXISTS tool_calls UInt32 COMMENT 'Tool calls in the answer';

ALTER TABLE feedback_outcomes
    ADD COLUMN IF NOT EXISTS space LowCardinality(String) COMMENT 'Space';

ALTER TABLE requests
    ADD COLUMN IF NOT EXISTS deadline Nullable(DateTime64(6, 'UTC')) COMMENT 'No answer is wanted later',
    ADD COLUMN IF NOT EXISTS stickiness LowCardinality(String) COMMENT 'message or conversation, where the request says so',
    ADD COLUMN IF NOT EXISTS temperature Nullable(Float64) COMMENT 'Sampling temperature asked for',
    ADD COLUMN IF NOT EXISTS wants_json Bool COMMENT 'A response format was asked for';

ALTER TABLE classifications
    ADD COLUMN IF NOT EXISTS cluster_score Nullable(Float64) COMMENT 'Score of the cluster',
    ADD COLUMN IF NOT EXISTS wants_json Bool COMMENT 'An answer in JSON is asked for',
    ADD COLUMN IF NOT EXISTS type_shares String COMMENT 'What an unclear text may be: kinds of work and their shares, as JSON object',
    ADD COLUMN IF NOT EXISTS complexity_shares String COMMENT 'How complex work that is called so really is, as JSON object of shares',
    ADD COLUMN IF NOT EXISTS features String COMMENT 'Keyword density, technical depth, scope, criticality, as JSON object',
    ADD COLUMN IF NOT EXISTS predictions String COMMENT 'Share of good answers that the trained predictor expects, by model, as JSON object',
    ADD COLUMN IF NOT EXISTS clusters LowCardinality(String) COMMENT 'Clusters document that was compared with, name@version',
    ADD COLUMN IF NOT EXISTS encoder LowCardinality(String) COMMENT 'Encoder that read the text',
    ADD COLUMN IF NOT EXISTS cluster_scores String COMMENT 'Score of every cluster, as JSON object';

ALTER TABLE model_statistics
    ADD COLUMN IF NOT EXISTS output_buckets String COMMENT 'Histogram as JSON object of the tokens of whole answers: bucket b counts lengths up to 2^(b/4)';
