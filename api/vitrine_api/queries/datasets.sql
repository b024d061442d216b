-- datasets --
-- Datasets of the installations that the visitor may see, newest first.
SELECT s.slug, i.slug AS installation, s.title, s.first_time, s.last_time, s.state, s.version, s.build, s.progress,
       s.stage, s.error, s.file_name, s.file_bytes, s.file_sha256, s.rows, s.summary, s.created_at, s.built_at
  FROM dataset s JOIN installation i USING (installation_id)
 WHERE (i.public OR %(sees_all)s OR (i.organisation <> '' AND i.organisation = %(organisation)s))
   AND (%(slug)s::text IS NULL OR s.slug = %(slug)s)
   AND (%(installation)s::text IS NULL OR i.slug = %(installation)s)
 ORDER BY s.created_at DESC, s.dataset_id DESC
 LIMIT %(limit)s OFFSET %(offset)s

-- add --
-- A dataset to be built; nothing where the name is taken.
INSERT INTO dataset (installation_id, slug, title, first_time, last_time, created_by)
VALUES (%(installation_id)s, %(slug)s, %(title)s, %(first)s, %(last)s, %(created_by)s)
ON CONFLICT (slug) DO NOTHING RETURNING dataset_id

-- withdraw --
-- A dataset whose job could not be queued: as if it had not been asked for.
SELECT withdraw_dataset(%(dataset_id)s)
