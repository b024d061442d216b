"""The systemd unit of a gateway."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

UNIT = Path("/etc/systemd/system/vitrine-gateway.service")
_TEMPLATE = """\
# Gateway of one installation: {file}; its queue lives in {data_dir}.
[Unit]
Description=Vitrine gateway
Documentation=man:systemd.service(5)
After=network-online.target time-sync.target
Wants=network-online.target

[Service]
Type=notify
WatchdogSec=120
ExecStart={program} gateway run {file} --data-dir {data_dir}
ExecReload=/bin/kill -HUP $MAINPID
User={user}
Group={user}
SupplementaryGroups=dialout
StateDirectory=vitrine
ReadWritePaths={data_dir}
Restart=always
RestartSec=5
TimeoutStopSec=20
NoNewPrivileges=true
ProtectSystem=strict
ProtectHome=true
PrivateTmp=true
ProtectKernelTunables=true
ProtectKernelModules=true
ProtectControlGroups=true
RestrictSUIDSGID=true
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
LockPersonality=true
MemoryMax=200M

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What differs between machines."""

    file: Path = Path("/etc/vitrine/installation.toml")
    program: Path = Path("/opt/vitrine/bin/vitrine")
    data_dir: Path = Path("/var/lib/vitrine")
    user: str = "vitrine"

    def text(self) -> str:
        """Return the unit file."""
        return _TEMPLATE.format(file=self.file, program=self.program, data_dir=self.data_dir, user=self.user)
