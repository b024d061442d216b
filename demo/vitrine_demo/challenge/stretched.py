"""A site whose instruments are read less often, so that a week passes in minutes."""

from __future__ import annotations

from dataclasses import replace

from vitrine_gateway.site import Site, SiteChannel, SiteDevice


def stretched(site: Site, at_least_s: float) -> Site:
    """Return the site with no period shorter than so many seconds; nothing else of it changes."""
    return replace(site, devices=tuple(_device(device, at_least_s) for device in site.devices))


def _device(device: SiteDevice, at_least_s: float) -> SiteDevice:
    channels = tuple(_channel(channel, at_least_s) for channel in device.channels)
    own = replace(device.device, every_s=max(device.device.every_s, at_least_s))
    return replace(device, device=own, channels=channels)


def _channel(channel: SiteChannel, at_least_s: float) -> SiteChannel:
    return replace(channel, every_s=max(channel.every_s, at_least_s))
