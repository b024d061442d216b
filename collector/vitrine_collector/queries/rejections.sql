-- newest --
-- The newest refused messages.
SELECT rejected_id, received_at, topic, payload, code, reason FROM rejected ORDER BY rejected_id DESC LIMIT %(most)s;

-- count --
-- How many there are.
SELECT count(*) FROM rejected;

-- dropped --
-- How many are no longer kept.
SELECT coalesce(sum(messages), 0)::bigint FROM rejected_dropped;

-- one --
-- One refused message.
SELECT rejected_id, received_at, topic, payload, code, reason FROM rejected WHERE rejected_id = %(id)s;

-- numbers --
-- Refused messages, the oldest first; '' stands for every code.
SELECT rejected_id FROM rejected WHERE %(code)s = '' OR code = %(code)s ORDER BY received_at, rejected_id;

-- remove --
-- A message that is written now.
DELETE FROM rejected WHERE rejected_id = %(id)s;
