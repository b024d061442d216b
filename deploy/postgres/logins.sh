#!/bin/sh
# Run once, when the database volume is made: the accounts of the API and of Grafana, whose rights each migration sets.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set api="$VITRINE_API_DATABASE_PASSWORD" --set password="$VITRINE_GRAFANA_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE vitrine_api NOLOGIN;
CREATE ROLE vitrine_api_login LOGIN PASSWORD :'api' IN ROLE vitrine_api;
CREATE ROLE vitrine_grafana NOLOGIN;
CREATE ROLE vitrine_grafana_login LOGIN PASSWORD :'password' IN ROLE vitrine_grafana;
SQL
