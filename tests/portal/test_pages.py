"""Every page, in both languages, against a seeded database."""

import gzip
import re
from itertools import pairwise
from urllib.parse import urlsplit

import httpx
import pytest

from tests.portal.pages import Document
from tests.portal.server import PASSWORD, Portal

pytestmark = pytest.mark.plain

PAGES = {
    "/fr": "/en",
    "/fr/installations/pilote-uf": "/en/installations/pilote-uf",
    "/fr/installations/pilote-uf?period=hour": "/en/installations/pilote-uf?period=hour",
    "/fr/installations/pilote-uf?period=month": "/en/installations/pilote-uf?period=month",
    "/fr/installations/batiment-vitrine": "/en/installations/batiment-vitrine",
    "/fr/installations/pilote-uf/voies/permeate-turbidity/turbidity": (
        "/en/installations/pilote-uf/channels/permeate-turbidity/turbidity"
    ),
    "/fr/installations/pilote-uf/defi": "/en/installations/pilote-uf/challenge",
    "/fr/installations/pilote-uf/manques": "/en/installations/pilote-uf/gaps",
    "/fr/jeux": "/en/datasets",
    "/fr/jeux/vitrine_pilote-uf_semaine-46": "/en/datasets/vitrine_pilote-uf_semaine-46",
    "/fr/passerelles": "/en/gateways",
    "/fr/methode": "/en/method",
    "/fr/connexion": "/en/sign-in",
}
EVERY = [address for pair in PAGES.items() for address in pair]
WRONG = [
    "/fr/installations/batiment-vitrine/defi",
    "/fr/installations/pilot-uf",
    "/fr/installations/pilot-uf/manques",
    "/en/installations/pilot-uf",
    "/fr/rien",
    "/nulle-part",
]
NBSP = "\u00a0"


@pytest.fixture(scope="module", params=EVERY + WRONG)
def page(request: pytest.FixtureRequest, seeded_portal: Portal) -> httpx.Response:
    answer = httpx.get(seeded_portal.origin + request.param, headers={"Accept-Language": "fr-CA"}, timeout=60)
    assert answer.status_code == (404 if request.param in WRONG else 200)
    return answer


def test_structure(page: httpx.Response):
    document = Document(page.text)
    assert len(document.all("h1")) == 1
    assert document.all("html")[0].attributes["lang"] in ("fr-CA", "en-CA")
    assert len(document.all("main")) == 1
    levels = [int(element.tag[1]) for element in document.elements if re.fullmatch("h[1-6]", element.tag)]
    assert levels[0] == 1
    # The heading of the footer's columns comes after a page's own headings.
    assert all(after <= before + 1 for before, after in pairwise(levels))
    names = [element.attributes["id"] for element in document.elements if "id" in element.attributes]
    assert len(names) == len(set(names))


def test_nothing_foreign_and_nothing_inline(page: httpx.Response):
    document = Document(page.text)
    for element in document.elements:
        assert "style" not in element.attributes
        assert not [name for name in element.attributes if name.startswith("on")]
        for name in ("href", "src", "action", "data-live-source", "data-zoom", "data-progress-source"):
            address = element.attributes.get(name, "")
            assert not urlsplit(address).netloc, f"<{element.tag} {name}={address}> leads to another origin"
            assert not address.startswith(("javascript:", "data:"))
    assert not document.all("style")
    assert all("src" in element.attributes for element in document.all("script"))
    assert "default-src 'self'" in page.headers["content-security-policy"]


def test_every_reference_within_a_page_leads_somewhere(page: httpx.Response):
    document = Document(page.text)
    names = {element.attributes["id"] for element in document.elements if "id" in element.attributes}
    for element in document.elements:
        for name in ("aria-labelledby", "for"):
            assert set(element.attributes.get(name, "").split()) <= names
        if element.attributes.get("href", "").startswith("#"):
            assert element.attributes["href"][1:] in names


def test_every_drawing_has_a_name_and_every_chart_a_table(page: httpx.Response):
    document = Document(page.text)
    for element in document.all("svg"):
        named = {"aria-label", "aria-labelledby"} & set(element.attributes)
        hidden = element.attributes.get("aria-hidden") == "true" or "svg" in element.parents
        assert named or hidden, element
    charts = re.findall(r'<figure class="chart.*?</figure>', page.text, re.DOTALL)
    assert all("<table" in chart and "<caption" in chart for chart in charts)
    assert len(charts) == len(document.all("figure"))
    for table in document.all("th"):
        assert table.attributes.get("scope") in ("row", "col")


def test_french_typography(page: httpx.Response):
    for language, text in Document(page.text).texts:
        if not language.startswith("fr"):
            continue
        assert "'" not in text, text
        assert not re.search(r"\S :(\s|$)", text), f"a breaking space before the colon: {text!r}"
        assert not re.search(r"\w:(\s|$)", text), f"no space before the colon: {text!r}"
        assert not re.search(r"[ \u00a0][;!?](\s|$)", text), text
        assert not re.search(r"«[^\u00a0]|[^\u00a0]»", text), text
        assert not re.search(r"\d %", text), text
        assert '"' not in text, text
        assert "..." not in text, text


def test_numbers_of_each_language(page: httpx.Response):
    for language, text in Document(page.text).texts:
        if not re.fullmatch(r"\d+\.\d+\.\d+", text) and re.fullmatch(r"[−-]?\d[\d.,\u00a0 ]*", text.strip()):
            pattern = r"−?\d{1,3}(\u00a0\d{3})*(,\d+)?" if language.startswith("fr") else r"−?\d{1,3}(,\d{3})*(\.\d+)?"
            assert re.fullmatch(pattern, text.strip()) or re.fullmatch(r"\d{4}-.*", text), (language, text)


def test_budget(page: httpx.Response):
    assert len(gzip.compress(page.content, 6)) <= 30_000


@pytest.mark.parametrize(("french", "english"), PAGES.items())
def test_language_switch_keeps_the_page(visitor: httpx.Client, french: str, english: str):
    for address, other, language in ((french, english, "en"), (english, french, "fr")):
        links = Document(visitor.get(address).text).all("a")
        switch = [link for link in links if link.attributes.get("hreflang") == f"{language}-CA"]
        assert [link.attributes["href"] for link in switch] == [other]


@pytest.mark.parametrize(
    ("headers", "cookies", "target"),
    [
        ({"Accept-Language": "fr-CA"}, {}, "/fr"),
        ({"Accept-Language": "en-CA,fr;q=0.5"}, {}, "/en"),
        ({"Accept-Language": "de"}, {}, "/fr"),
        ({"Accept-Language": "fr"}, {"vitrine_language": "en"}, "/en"),
        ({"Accept-Language": "en"}, {"vitrine_language": "../x"}, "/en"),
    ],
)
def test_start(seeded_portal, headers, cookies, target):
    with httpx.Client(base_url=seeded_portal.origin, headers=headers, cookies=cookies) as client:
        answer = client.get("/")
        assert (answer.status_code, answer.headers["location"]) == (302, target)


def test_filter_without_script(visitor: httpx.Client):
    assert "Bâtiment vitrine" not in visitor.get("/fr?domain=water").text
    assert "Bâtiment vitrine" in visitor.get("/fr?q=BATIMENT+prés").text
    empty = visitor.get("/fr?q=zzz&kind=showcase").text
    assert f"Filtre : «{NBSP}zzz{NBSP}», Vitrines.".replace(" :", f"{NBSP}:") in empty
    assert 'href="/fr?kind=showcase"' in empty
    assert visitor.get("/fr?domain=nothing&kind=x").status_code == 200


def test_simulated_installations_say_so(visitor: httpx.Client):
    for address in ("/fr", "/fr/installations/pilote-uf", "/fr/jeux/vitrine_pilote-uf_semaine-46", "/fr/passerelles"):
        assert "Données simulées." in visitor.get(address).text
    assert "Données simulées." not in visitor.get("/fr/methode").text


def test_nearest_names_of_a_wrong_address(visitor: httpx.Client):
    text = visitor.get("/fr/installations/pilot-uf").text
    assert 'href="/fr/installations/pilote-uf"' in text
    assert 'lang="en"' in text
    assert "VIT-404-" in text


def test_gap_suspect_failed_and_missing_are_drawn(visitor: httpx.Client):
    text = visitor.get("/fr/installations/pilote-uf/voies/permeate-turbidity/turbidity").text
    day = re.search(r'<figure class="chart" id="c4-day".*?</figure>', text, re.DOTALL)
    assert day
    assert 'href="#m3"' in day[0]
    assert 'href="#m4"' in day[0]
    month = re.search(r'<figure class="chart" id="c4-month".*?</figure>', text, re.DOTALL)
    assert month
    assert 'class="gap"' in month[0]
    assert f"manquant{NBSP}: 7{NBSP}h" in month[0] or 'class="gap"' in month[0]


@pytest.mark.parametrize(
    ("path", "troubled", "steady"),
    [
        (
            "/fr/installations/pilote-uf",
            "répond à 87 % des requêtes; laissé en paix un moment après ses défauts; 3 lectures omises",
            "6 autres répondent à chaque requête, en 40 ms au plus",
        ),
        (
            "/en/installations/pilote-uf",
            "answers 87% of the requests; left alone for a while after its failures; 3 readings left out",
            "6 others answer every request, within 40 ms",
        ),
    ],
)
def test_the_gateway_tells_how_its_instruments_answer(visitor: httpx.Client, path: str, troubled: str, steady: str):
    words = " ".join(visitor.get(path).text.split())
    assert troubled in words
    assert steady in words


def test_a_day_without_measurements_tells_its_silence(visitor: httpx.Client):
    text = visitor.get("/fr/installations/pilote-uf/manques").text
    assert 'href="/fr/installations/pilote-uf/manques?day=' in text
    assert "<caption>Lignes par voie" in text
    assert "<caption>Lignes par passerelle" in text
    assert f'data-l="En retard">1{NBSP}234</td>' in text.partition("Lignes par passerelle")[2]
    empty = visitor.get("/en/installations/pilote-uf/gaps?day=2020-02-29").text
    assert "February 29, 2020" in empty.replace(NBSP, " ")
    for wrong in ("demain", "2999-01-01"):
        refused = visitor.get(f"/fr/installations/pilote-uf/manques?day={wrong}")
        assert refused.status_code == 400
        assert wrong in refused.text


def test_theme_is_kept(visitor: httpx.Client):
    answer = visitor.post(
        "/fr/apparence", data={"theme": "dark", "next": "/fr/methode"}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/fr/methode")
    assert 'data-theme="dark"' in visitor.get("/fr/methode").text


@pytest.mark.parametrize("target", ["https://example.org", "//example.org", "/\\example.org", "javascript:alert(1)"])
def test_no_way_out_of_the_site(visitor: httpx.Client, target: str):
    answer = visitor.post(
        "/fr/apparence", data={"theme": "auto", "next": target}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert answer.headers["location"] == "/fr"


def test_building_takes_an_account(visitor: httpx.Client):
    same = {"Sec-Fetch-Site": "same-origin"}
    order = {"installation": "pilote-uf", "first": "2026-11-01", "last": "2026-11-02", "name": "Été à deux"}
    assert "Il faut un compte" in visitor.get("/fr/jeux").text
    assert visitor.post("/fr/jeux", data=order, headers=same).headers["location"] == "/fr/connexion"
    refused = visitor.post("/fr/connexion", data={"login": "evaluation", "password": "x"}, headers=same)
    assert refused.status_code == 401
    assert "refusé" in refused.text
    signed = visitor.post(
        "/fr/connexion", data={"login": "evaluation", "password": PASSWORD, "next": "/fr/jeux"}, headers=same
    )
    assert (signed.status_code, signed.headers["location"]) == (303, "/fr/jeux")
    wrong = visitor.post("/fr/jeux", data=order | {"first": "hier"}, headers=same)
    assert wrong.status_code == 422
    assert "2026-11-23" in wrong.text
    backwards = visitor.post("/fr/jeux", data=order | {"first": "2026-11-09"}, headers=same)
    assert backwards.status_code == 422
    built = visitor.post("/fr/jeux", data=order, headers=same)
    assert built.headers["location"] == "/fr/jeux/vitrine_pilote-uf_ete-a-deux"
    text = visitor.get(built.headers["location"]).text
    assert "<progress" in text
    assert re.search(r">2026-11-01</time> au <time [^>]+>2026-11-02</time>", text), "both days are included"
    assert 'http-equiv="refresh"' in text
    assert visitor.post("/fr/jeux", data=order, headers=same).status_code == 409
    assert visitor.post("/fr/deconnexion", headers=same).headers["location"] == "/fr"
    assert "Il faut un compte" in visitor.get("/fr/jeux").text
