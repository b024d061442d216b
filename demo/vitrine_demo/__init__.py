"""Everything on this machine, at once: `vitrine demo`."""
