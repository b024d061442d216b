"""What the collector counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector as PrometheusCollector

from vitrine_collector.service import Collector


class Readings(PrometheusCollector):
    """Reads the numbers when Prometheus asks, so that counting costs the hot path nothing."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def collect(self) -> Iterator[Metric]:
        """Yield every number."""
        service, totals = self._collector, self._collector.outbox.totals
        messages = CounterMetricFamily(
            "vitrine_collector_messages", "Messages by what became of them", labels=["outcome"]
        )
        for outcome, number in sorted(service.intake.counts.items()):
            messages.add_metric([outcome], number)
        messages.add_metric(["dropped"], service.host.dropped)
        yield messages
        sensors = CounterMetricFamily(
            "vitrine_collector_sensor_messages", "Messages of sensors on this broker", labels=["outcome"]
        )
        for outcome, number in sorted(service.central.counts.items()):
            sensors.add_metric([outcome], number)
        yield sensors
        yield CounterMetricFamily("vitrine_collector_rows", "Measurements written", totals.rows)
        yield CounterMetricFamily("vitrine_collector_batches", "Transactions committed", totals.batches)
        yield CounterMetricFamily("vitrine_collector_acknowledged", "Records acknowledged", totals.acknowledged)
        yield CounterMetricFamily(
            "vitrine_collector_flags_changed",
            "Flags changed by tests that look at neighbours",
            service.series_quality.changed,
        )
        yield GaugeMetricFamily(
            "vitrine_collector_flags_waiting",
            "Channels that could not be judged and are tried again",
            service.series_quality.postponed,
        )
        yield GaugeMetricFamily("vitrine_collector_inbox", "Messages waiting in the inbox", len(service.inbox))
        yield GaugeMetricFamily(
            "vitrine_collector_commit_age_seconds", "Arrival to commit, oldest message of the last batch", totals.age_s
        )
        yield GaugeMetricFamily("vitrine_collector_online", "Session with the broker", service.host.online.is_set())
        yield GaugeMetricFamily("vitrine_collector_database", "Database reachable", service.reachable)
