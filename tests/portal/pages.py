"""What tests ask of a page: its elements, its texts, its addresses."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "hr", "img", "path", "circle", "line", "rect", "use"}
#: Elements whose text is no prose: identities, commands, numbers of a drawing.
SILENT = {"script", "style", "code", "pre", "template"}


@dataclass
class Element:
    """One start tag."""

    tag: str
    attributes: dict[str, str]
    parents: tuple[str, ...]


@dataclass
class Document(HTMLParser):
    """A page taken apart."""

    html: str
    elements: list[Element] = field(default_factory=list)
    #: (language, text) of each text node.
    texts: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[tuple[str, str]] = []
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        self.elements.append(Element(tag, values, tuple(name for name, _ in self._open)))
        if tag not in VOID:
            self._open.append((tag, values.get("lang", self._open[-1][1] if self._open else "")))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        self.elements.append(Element(tag, values, tuple(name for name, _ in self._open)))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1][0] == tag, f"</{tag}> closes <{self._open[-1][0]}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        names = {name for name, _ in self._open}
        if data.strip() and not names & SILENT:
            self.texts.append((self._open[-1][1] if self._open else "", data))

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]
