-- Roles without login, to be granted to the users that people and programs log in as.

-- create --
-- The role is one of our own four names.
DO $$ BEGIN
    IF to_regrole('vitrine_reader') IS NULL THEN CREATE ROLE vitrine_reader NOLOGIN; END IF;
    IF to_regrole('vitrine_writer') IS NULL THEN CREATE ROLE vitrine_writer NOLOGIN; END IF;
    IF to_regrole('vitrine_api') IS NULL THEN CREATE ROLE vitrine_api NOLOGIN; END IF;
    IF to_regrole('vitrine_grafana') IS NULL THEN CREATE ROLE vitrine_grafana NOLOGIN; END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL; -- another database of this server makes them just now
END $$;

-- present --
-- Which of them the server has.
SELECT rolname FROM pg_roles WHERE rolname IN ('vitrine_api', 'vitrine_reader', 'vitrine_writer', 'vitrine_grafana') ORDER BY 1;

-- close --
-- PostgreSQL lets everyone execute a function; a restore makes them again without what a migration took away. Only the
-- two that look at the rule are for others than the owner.
REVOKE ALL ON FUNCTION drop_measurements(int, date), drop_minutes(int, date), keep_rollups(int, timestamptz, timestamptz),
    note_drop(int, text, timestamptz, timestamptz, bigint, text, text, timestamptz), withdraw_dataset(int) FROM PUBLIC;

-- grant --
-- Least rights. Nobody but the owner deletes a measured value; Grafana sees what is shown, no account.
DO $$ DECLARE
    own text;
BEGIN
    SELECT string_agg(format('%I.%I', n.nspname, c.relname), ', ') INTO own
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e');

    EXECUTE 'REVOKE ALL ON ' || own || ' FROM vitrine_reader, vitrine_api, vitrine_writer, vitrine_grafana';
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO vitrine_reader, vitrine_api, vitrine_writer, vitrine_grafana', current_schema());
    EXECUTE 'GRANT SELECT ON ' || own || ' TO vitrine_reader, vitrine_api, vitrine_writer';
    REVOKE SELECT ON account, rejected FROM vitrine_reader;

    -- Who signs in is looked up; a dataset is asked for with the job that builds it, and taken back where that fails.
    REVOKE SELECT ON rejected FROM vitrine_api;
    GRANT INSERT (installation_id, slug, title, first_time, last_time, created_by) ON dataset TO vitrine_api;
    GRANT EXECUTE ON FUNCTION withdraw_dataset(int) TO vitrine_api;
    GRANT INSERT ON procrastinate_jobs, procrastinate_events TO vitrine_api;
    EXECUTE format('GRANT USAGE ON SEQUENCE %I.procrastinate_jobs_id_seq, %1$I.procrastinate_events_id_seq TO vitrine_api',
                   current_schema());

    EXECUTE 'GRANT INSERT, UPDATE, DELETE ON ' || own || ' TO vitrine_writer';
    REVOKE ALL ON account FROM vitrine_writer; -- who signs in is no business of what runs unattended
    REVOKE DELETE ON measurement FROM vitrine_writer; -- a trigger keeps its values from being updated
    REVOKE UPDATE, DELETE ON quality_change, channel_change, loss FROM vitrine_writer;
    REVOKE INSERT, UPDATE, DELETE ON schema_migration FROM vitrine_writer;
    REVOKE INSERT, UPDATE, DELETE ON retention, retention_hold, retention_drop, dropped_days FROM vitrine_writer;
    GRANT EXECUTE ON FUNCTION drop_measurements(int, date), drop_minutes(int, date) TO vitrine_writer; -- by rule only
    EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO vitrine_writer', current_schema());

    GRANT SELECT ON installation, gateway, device, channel, channel_change, measurement, latest, quality_change,
        delivery, loss, time_source, late_hour, event, indicator, indicator_value,
        measurement_1min, measurement_1h, measurement_1d TO vitrine_grafana;
    GRANT SELECT (received_at, topic, code, reason) ON rejected TO vitrine_grafana; -- not what the messages say
    IF to_regclass('stale_rollup_hour') IS NOT NULL THEN -- elsewhere than on Community, minutes_between and its like read these
        GRANT SELECT ON rollup_1min, rollup_1h, rollup_1d, stale_rollup_hour TO vitrine_grafana;
    ELSE -- TimescaleDB asks the caller of such a function, not the owner of the view in it, for the right to its aggregate
        GRANT SELECT ON live_1min, live_1h, live_1d TO vitrine_grafana;
    END IF;
END $$;
