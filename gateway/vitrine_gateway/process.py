"""The process of a gateway, with nothing in it that only the command line needs: that would stay as long as it runs.

``python -m vitrine_gateway.process FILE DATA_DIR LOG_FORMAT LOG_LEVEL``; `vitrine gateway run` becomes this process.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from vitrine import logs
from vitrine.errors import VitrineError
from vitrine_gateway.agent import run_agent


def main() -> None:
    """Run a gateway until it is told to stop; an error is told in words, never as a stack trace."""
    file, data_dir, log_format, log_level = sys.argv[1:]
    try:
        logs.set_up(style=log_format, level=log_level)
        asyncio.run(run_agent(Path(file), Path(data_dir)))
    except KeyboardInterrupt:
        sys.exit(130)
    except VitrineError as error:
        from vitrine.command import tell

        tell(error)
        sys.exit(1)


if __name__ == "__main__":
    main()
