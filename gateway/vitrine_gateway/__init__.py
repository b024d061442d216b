"""The agent beside the instruments: it reads them, keeps what it read on disk, and sends it until acknowledged."""
