-- variable_installation --
-- Installations, by name.
SELECT coalesce(nullif(name ->> '$language', ''), slug) AS __text, slug AS __value FROM installation ORDER BY 1

-- variable_channel --
-- Channels of the installation chosen.
SELECT coalesce(nullif(c.name ->> '$language', ''), c.path) || ' (' || c.path || ')' AS __text, c.path AS __value
FROM channel c JOIN installation i USING (installation_id) WHERE i.slug = '$installation' ORDER BY c.path

-- variable_indicator --
-- Indicators of the installation chosen.
SELECT n.name ->> '$language' AS __text, n.key AS __value
FROM indicator n JOIN installation i USING (installation_id)
WHERE i.slug = '$installation' AND n.current ORDER BY n.position
