ALTER TABLE technical_outcomes
    ADD COLUMN IF NOT EXISTS overhead Decimal(18, 12) COMMENT 'Of the cost, dollars: spent on choosing the model, or on probing one';
