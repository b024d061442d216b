"""Grafana dashboards of Vitrine, as code."""
