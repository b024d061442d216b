"""Reading a text in both languages."""

from __future__ import annotations

from vitrine.i18n import Text
from vitrine.table_reader import TableReader


def read_text(reader: TableReader, key: str, *, required: bool = False) -> Text:
    """Take a text in both languages: ``{ fr = "…", en = "…" }``."""
    table = reader.table(key, required=required)
    if table is None:
        return Text()
    text = Text(fr=table.text("fr", required=True), en=table.text("en", required=True))
    table.finish()
    return text
