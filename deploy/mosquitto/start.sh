#!/bin/sh
# Writes the collector's account from its secret, keeps the gateways' accounts, and starts the broker.
set -eu
umask 077
passwords=/mosquitto/data/passwords
touch "$passwords"
mosquitto_passwd -b "$passwords" collector "$VITRINE_BROKER_PASSWORD"
chown -R mosquitto:mosquitto /mosquitto/data 2>/dev/null || chown -R 1883:1883 /mosquitto/data
exec mosquitto -c /mosquitto/config/mosquitto.conf
