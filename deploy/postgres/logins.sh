#!/bin/sh
# Run once, when the database volume is made: the account that Grafana reads with.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set password="$VITRINE_GRAFANA_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE vitrine_grafana NOLOGIN;
CREATE ROLE vitrine_grafana_login LOGIN PASSWORD :'password' IN ROLE vitrine_grafana;
SQL
