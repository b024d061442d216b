-- newest --
-- The newest refused messages.
SELECT rejected_id, received_at, topic, payload, code, reason FROM rejected ORDER BY rejected_id DESC LIMIT %(most)s;

-- count --
-- How many there are.
SELECT count(*) FROM rejected;

-- one --
-- One refused message.
SELECT rejected_id, received_at, topic, payload, code, reason FROM rejected WHERE rejected_id = %(id)s;
