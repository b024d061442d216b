"""Device profiles: what an instrument measures, where its registers are, and which document says so.

`load` reads one profile by name or by path; `names` lists those that come with Vitrine.
"""

from vitrine_gateway.profiles.loader import is_path, load, names
from vitrine_gateway.profiles.model import Channel, Identity, Profile, Source

__all__ = ["Channel", "Identity", "Profile", "Source", "is_path", "load", "names"]
