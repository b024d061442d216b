-- The continuous aggregates stand behind views of the old names, which read the rollups of dropped days from their tables:
-- a refresh would take these for empty.

ALTER MATERIALIZED VIEW measurement_1min RENAME TO live_1min;
ALTER MATERIALIZED VIEW measurement_1h RENAME TO live_1h;
ALTER MATERIALIZED VIEW measurement_1d RENAME TO live_1d;

CREATE VIEW measurement_1min AS
SELECT c.bucket, c.channel_id, c.mean, c.min, c.max, c.last, c.count, c.good
FROM live_1min c
WHERE NOT EXISTS (SELECT FROM dropped_days d WHERE d.channel_id = c.channel_id AND c.bucket <@ d.days)
UNION ALL
SELECT r.bucket, r.channel_id, r.mean, r.min, r.max, r.last, r.count::bigint, r.good::bigint FROM rollup_1min r;

CREATE VIEW measurement_1h AS
SELECT c.bucket, c.channel_id, c.mean, c.min, c.max, c.last, c.count, c.good
FROM live_1h c
WHERE NOT EXISTS (SELECT FROM dropped_days d WHERE d.channel_id = c.channel_id AND c.bucket <@ d.days)
UNION ALL
SELECT r.bucket, r.channel_id, r.mean, r.min, r.max, r.last, r.count::bigint, r.good::bigint FROM rollup_1h r;

CREATE VIEW measurement_1d AS
SELECT c.bucket, c.channel_id, c.mean, c.min, c.max, c.last, c.count, c.good
FROM live_1d c
WHERE NOT EXISTS (SELECT FROM dropped_days d WHERE d.channel_id = c.channel_id AND c.bucket <@ d.days)
UNION ALL
SELECT r.bucket, r.channel_id, r.mean, r.min, r.max, r.last, r.count::bigint, r.good::bigint FROM rollup_1d r;
