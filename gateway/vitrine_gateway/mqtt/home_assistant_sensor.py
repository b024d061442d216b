"""A device that announces itself to Home Assistant: topics, units and places of values are those that it announces."""

from __future__ import annotations

from collections.abc import MutableMapping

from vitrine.mqtt.json_path import NotThere
from vitrine.mqtt.topic import matches
from vitrine_gateway.mqtt.home_assistant import Entity, NotUnderstood, entities
from vitrine_gateway.mqtt.sensor import Message, Sensor, Unreadable
from vitrine_gateway.mqtt.values import Arrival, reading_of
from vitrine_gateway.reading import Sample
from vitrine_gateway.site import SiteChannel, SiteDevice


class HomeAssistantSensor(Sensor):
    """Learns its entities from their configurations; a channel's path is the identity, or else the device class."""

    def __init__(self, site: SiteDevice, now: float, newest: MutableMapping[str, int] | None = None) -> None:
        super().__init__(site, now, newest)
        self._announced: dict[str, list[Entity]] = {}
        self._chosen: dict[str, Entity] = {}
        #: Configurations that are not understood, by their topic, and channels that several entities would fit.
        self._refused: dict[str, str] = {}
        self._unclear: dict[str, str] = {}

    @property
    def filters(self) -> tuple[str, ...]:
        """Topics of the configurations, and those that the chosen entities name."""
        states = (entity.state_topic for entity in self._chosen.values())
        presence = (one.topic for entity in self._chosen.values() for one in entity.presence)
        return tuple(dict.fromkeys((self._address.topic, *states, *presence)))

    def take(self, message: Message) -> Sample | None:
        """Return what a state says; a configuration says where states are."""
        if matches(self._address.topic, message.topic):
            self._learn(message)
            return None
        for entity in self._chosen.values():
            for one in entity.presence:
                if one.topic == message.topic:
                    return self._presence(message, one.online, one.offline, "state")
        return self._state(message)

    def _learn(self, message: Message) -> None:
        self._announced.pop(message.topic, None)
        self._refused.pop(message.topic, None)
        try:
            self._announced[message.topic] = entities(message.topic, message.payload)
        except NotUnderstood as error:
            self._refused[message.topic] = str(error)
            self.unreadable += 1
            raise Unreadable(str(error)) from error
        finally:
            self._choose()

    def _choose(self) -> None:
        self._chosen, self._unclear = {}, {}
        everyone = [entity for several in self._announced.values() for entity in several]
        for channel in self._site.channels:
            _, wanted = self._address.places[channel.key]
            precise = [entity for entity in everyone if wanted in entity.names[:-1]]
            found = precise or [entity for entity in everyone if wanted in entity.names]
            if len(found) == 1:
                self._chosen[channel.key] = found[0]
            elif found:
                told = ", ".join(sorted(entity.names[0] for entity in found))
                self._unclear[channel.key] = f"{channel.key}: several entities are “{wanted}”: {told}"
        self.failure = "; ".join(self._reasons())

    def _reasons(self) -> list[str]:
        """Return why channels have no entity; a configuration that nobody misses is no reason."""
        missing = len(self._chosen) < len(self._site.channels)
        return [*self._unclear.values(), *(self._refused.values() if missing else ())]

    def _state(self, message: Message) -> Sample | None:
        if message.retained:
            return None  # nobody knows when it was measured
        mine = [one for one in self._site.channels if self._topic_of(one) == message.topic]
        readings, reasons = [], self._reasons()
        for channel in mine:
            entity = self._chosen[channel.key]
            try:
                raw = entity.value(message.payload)
            except NotThere:
                continue
            reading, reason = reading_of(channel, raw, entity.unit, Arrival(message.at, uncertain=message.waited))
            readings.append(reading)
            reasons += [reason] if reason else []
        if not readings:
            wanted = ", ".join(self._chosen[channel.key].path for channel in mine)
            raise self._unreadable(f"{message.topic} has none of: {wanted}")
        self._away.clear()
        self.failure, self.heard = "; ".join(reasons), True
        if not message.waited:
            self._last = message.at
        return Sample(self._site.key, tuple(readings))

    def _topic_of(self, channel: SiteChannel) -> str:
        entity = self._chosen.get(channel.key)
        return entity.state_topic if entity else ""
