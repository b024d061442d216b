-- How long values are kept, what may go, and what went.

-- installation --
-- The installation of a slug.
SELECT installation_id FROM installation WHERE slug = %(slug)s;

-- set --
-- The rule of an installation in place of the one there is.
INSERT INTO retention (installation_id, raw, minutes, set_by)
VALUES (%(installation)s, %(raw)s, %(minutes)s, current_user)
ON CONFLICT (installation_id) DO UPDATE
SET raw = excluded.raw, minutes = excluded.minutes, set_by = excluded.set_by, set_at = now();

-- clear --
-- Everything is kept again; what was dropped stays dropped.
DELETE FROM retention WHERE installation_id = %(installation)s;

-- rules --
-- The rules there are.
SELECT i.slug, r.raw, r.minutes, r.set_by, r.set_at FROM retention r JOIN installation i USING (installation_id) ORDER BY i.slug;

-- hold --
-- A period of which nothing is to be dropped.
INSERT INTO retention_hold (installation_id, first_time, last_time, reason, set_by)
VALUES (%(installation)s, %(first)s, %(last)s, %(reason)s, current_user) RETURNING retention_hold_id;

-- release --
-- The end of a hold.
DELETE FROM retention_hold WHERE retention_hold_id = %(hold)s;

-- holds --
-- The periods that are held, and by whom.
SELECT h.retention_hold_id AS number, i.slug, h.first_time, h.last_time, h.reason, h.set_by, h.set_at
FROM retention_hold h JOIN installation i USING (installation_id) ORDER BY i.slug, h.first_time;

-- drops --
-- What was dropped, the newest first; '' stands for every installation.
SELECT i.slug, d.kind, d.first_time, d.last_time, d.rows, d.channels, d.rule, d.dropped_at
FROM retention_drop d JOIN installation i USING (installation_id)
WHERE %(slug)s = '' OR i.slug = %(slug)s
ORDER BY d.dropped_at DESC, d.first_time DESC LIMIT %(most)s;

-- channels --
-- Channels with a rule, and before which day (UTC) theirs lets go.
SELECT c.channel_id, c.path, i.slug, i.installation_id,
       date_trunc('day', now() - r.raw, 'UTC') AS raw_before, date_trunc('day', now() - r.minutes, 'UTC') AS minutes_before
FROM retention r JOIN installation i USING (installation_id) JOIN channel c USING (installation_id)
WHERE r.raw IS NOT NULL ORDER BY i.slug, c.path;

-- protected --
-- Periods that no retention touches.
SELECT installation_id, first_time, last_time, reason FROM protected_period ORDER BY first_time;

-- next_raw --
-- The first measurement of a channel in a period.
SELECT time FROM measurement WHERE channel_id = %(channel)s AND time >= %(first)s AND time < %(before)s ORDER BY time LIMIT 1;

-- next_minutes --
-- The first minute of a channel in a period that stands for dropped measurements.
SELECT r.bucket FROM rollup_1min r JOIN dropped_days d USING (channel_id)
WHERE r.channel_id = %(channel)s AND r.bucket >= %(first)s AND r.bucket < %(before)s AND r.bucket <@ d.days
ORDER BY r.bucket LIMIT 1;

-- count_raw --
-- How many measurements a day of a channel holds.
SELECT count(*) FROM measurement WHERE channel_id = %(channel)s AND time >= %(first)s AND time < %(before)s;

-- count_minutes --
-- How many minutes it holds.
SELECT count(*) FROM rollup_1min WHERE channel_id = %(channel)s AND bucket >= %(first)s AND bucket < %(before)s;

-- drop_raw --
-- The database looks itself whether the rule allows it, and keeps the evidence.
SELECT drop_measurements(%(channel)s, %(day)s::date);

-- drop_minutes --
-- The same for minutes.
SELECT drop_minutes(%(channel)s, %(day)s::date);

-- decompress_freely --
-- Community: a day of a channel in columns may hold more rows than a statement is allowed to take out of them.
SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0;
