#!/bin/sh
# Makes the accounts of the collector and the worker, of the API and of Grafana, or gives those that are there the
# passwords of now. psql reads the passwords from its environment: no list of processes and no log shows them.
set -eu
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 <<'SQL'
SET client_min_messages = 'warning';
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
\getenv writer VITRINE_WRITER_DATABASE_PASSWORD
\getenv api VITRINE_API_DATABASE_PASSWORD
\getenv grafana VITRINE_GRAFANA_DATABASE_PASSWORD
BEGIN;
SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY['vitrine_writer_login', 'vitrine_api_login', 'vitrine_grafana_login']) AS wanted (name)
WHERE to_regrole(name) IS NULL \gexec
ALTER ROLE vitrine_writer_login LOGIN PASSWORD :'writer';
ALTER ROLE vitrine_api_login LOGIN PASSWORD :'api';
ALTER ROLE vitrine_grafana_login LOGIN PASSWORD :'grafana';
GRANT vitrine_writer TO vitrine_writer_login;
GRANT vitrine_api TO vitrine_api_login;
GRANT vitrine_grafana TO vitrine_grafana_login;
COMMIT;
SQL
