-- Datasets: the request, what goes into a package, and how far its build has come.

-- installation --
-- The installation of a slug.
SELECT * FROM installation WHERE slug = %(slug)s;

-- installation_by_id --
-- The installation of a dataset.
SELECT * FROM installation WHERE installation_id = %(installation)s;

-- has_measurements --
-- Whether any channel of an installation has a measurement in the period.
SELECT EXISTS (
    SELECT FROM channel c
    JOIN LATERAL (
        SELECT FROM measurement m
        WHERE m.channel_id = c.channel_id AND m.time >= %(first)s AND m.time < %(last)s LIMIT 1) AS any_one ON true
    WHERE c.installation_id = %(installation)s);

-- dropped --
-- The measurements of the period that were dropped by the installation's retention: from when to when.
SELECT lower(part.days) AS first_time, upper(part.days) AS last_time
FROM (
    SELECT range_merge(range_agg(day)) AS days
    FROM channel c JOIN dropped_days d USING (channel_id)
    CROSS JOIN LATERAL unnest(d.days * tstzmultirange(tstzrange(%(first)s, %(last)s))) AS day
    WHERE c.installation_id = %(installation)s
) AS part
WHERE part.days IS NOT NULL;

-- insert --
-- A dataset that is asked for.
INSERT INTO dataset (installation_id, slug, title, first_time, last_time, created_by, stage)
VALUES (%(installation)s, %(slug)s, %(title)s, %(first)s, %(last)s, %(created_by)s, 'queued')
ON CONFLICT (slug) DO NOTHING
RETURNING *;

-- dataset --
-- One dataset.
SELECT * FROM dataset WHERE dataset_id = %(dataset)s;

-- datasets --
-- All datasets with their installation, newest first.
SELECT d.*, i.slug AS installation FROM dataset d JOIN installation i USING (installation_id)
ORDER BY d.created_at DESC, d.dataset_id DESC;

-- progress --
-- How far a build has come.
UPDATE dataset SET build = 'running', progress = %(progress)s, stage = %(stage)s, error = '' WHERE dataset_id = %(dataset)s;

-- waiting_again --
-- A build that was stopped and will begin anew.
UPDATE dataset SET build = 'queued', progress = 0, stage = 'queued' WHERE dataset_id = %(dataset)s;

-- failed --
-- A build that cannot be done, and why.
UPDATE dataset SET build = 'failed', error = %(error)s WHERE dataset_id = %(dataset)s;

-- done --
-- A package that is there.
UPDATE dataset SET build = 'done', progress = 1, stage = 'done', error = '', file_name = %(file_name)s, file_bytes = %(bytes)s,
       file_sha256 = %(sha256)s, rows = %(rows)s, summary = %(summary)s, built_at = now()
WHERE dataset_id = %(dataset)s
RETURNING *;

-- snapshot --
-- Everything of a package is read as of one moment, by two connections.
SELECT pg_export_snapshot();

-- isolation --
-- Read as of one moment.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- channels --
-- Channels with their device and gateway, in the order of a package.
SELECT c.*, d.key AS device, d.profile, g.node
FROM channel c JOIN device d USING (device_id) JOIN gateway g USING (gateway_id)
WHERE c.installation_id = %(installation)s ORDER BY d.key, c.key, g.node;

-- channel_changes --
-- What changed in the channels' births until the end of the period.
SELECT c.path, h.time, h.field, h.before, h.after, h.file_sha256
FROM channel_change h JOIN channel c USING (channel_id)
WHERE c.installation_id = %(installation)s AND h.time < %(last)s ORDER BY c.path, h.time, h.field;

-- overrides --
-- Flags that somebody changed afterwards.
SELECT c.path, q.time, q.quality_before, q.quality_after, q.tests_before, q.tests_after, q.reason, q.changed_by, q.changed_at
FROM quality_change q JOIN channel c USING (channel_id)
WHERE c.installation_id = %(installation)s AND q.time >= %(first)s AND q.time < %(last)s
ORDER BY c.path, q.time, q.changed_at;

-- delivery --
-- Numbered records held and lost, by queue.
SELECT g.node, d.epoch, d.held, d.lost, d.repeated, d.first_at, d.last_at
FROM delivery d JOIN gateway g USING (gateway_id)
WHERE g.installation_id = %(installation)s AND d.first_at < %(last)s AND d.last_at >= %(first)s
ORDER BY g.node, d.first_at, d.epoch;

-- losses --
-- Records that a gateway reported lost.
SELECT g.node, l.epoch, l.records, l.first_time, l.last_time, l.reason, l.reported_at
FROM loss l JOIN gateway g USING (gateway_id)
WHERE g.installation_id = %(installation)s AND l.first_time < %(last)s AND l.last_time >= %(first)s
ORDER BY g.node, l.first_time, l.loss_id;

-- time_sources --
-- Where the time of the records came from.
SELECT g.node, t.epoch, t.source, t.records
FROM time_source t JOIN delivery d USING (gateway_id, epoch) JOIN gateway g USING (gateway_id)
WHERE g.installation_id = %(installation)s AND d.first_at < %(last)s AND d.last_at >= %(first)s
ORDER BY g.node, t.epoch, t.source;

-- observations --
-- Raw values of one channel, rising in time.
SELECT time, value, quality, tests FROM measurement
WHERE channel_id = %(channel)s AND time >= %(first)s AND time < %(last)s
ORDER BY time;

-- orphans --
-- Datasets that wait for a build that no job will do.
SELECT d.dataset_id FROM dataset d
WHERE d.build IN ('queued', 'running') AND d.created_at < now() - interval '30 seconds'
AND NOT EXISTS (
    SELECT FROM procrastinate_jobs j
    WHERE j.task_name = 'build_dataset' AND j.status IN ('todo', 'doing')
    AND (j.args ->> 'dataset_id')::int = d.dataset_id);

-- alone --
-- One build of a dataset at a time.
SELECT pg_try_advisory_lock(hashtext('vitrine dataset'), %(dataset)s);
