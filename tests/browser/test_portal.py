"""The portal in headless Chromium: live values, no script, small screens, dark, nothing asked of others."""

import os
import shutil
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.portal.seed import beat
from tests.portal.server import PASSWORD, Portal

pytestmark = [pytest.mark.browser, pytest.mark.plain]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
]
PAGES = [
    "/fr",
    "/fr/installations/pilote-uf",
    "/fr/installations/pilote-uf?period=hour",
    "/en/installations/batiment-vitrine?period=month",
    "/fr/installations/pilote-uf/voies/permeate-turbidity/turbidity",
    "/fr/installations/pilote-uf/manques",
    "/fr/jeux",
    "/en/datasets/vitrine_pilote-uf_semaine-46",
    "/fr/passerelles",
    "/fr/methode",
    "/fr/connexion",
    "/fr/installations/pilot-uf",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
    )
    if not path:
        reason = "no Chromium on this machine; on Debian: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(f"with CI=true nothing may be left out: {reason}", pytrace=False)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class Watched:
    """A context of the browser that notes what it asks for and what goes wrong."""

    def __init__(self, browser: Browser, origin: str, **options) -> None:
        self.context: BrowserContext = browser.new_context(base_url=origin, locale="fr-CA", **options)
        self.origin = origin
        self.asked: list[str] = []
        self.wrong: list[str] = []
        self.context.on("request", lambda request: self.asked.append(request.url))

    def open(self, address: str) -> Page:
        page = self.context.new_page()
        page.on("console", lambda message: self._note(page, message.type, message.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.goto(address)
        return page

    def _note(self, page: Page, kind: str, text: str) -> None:
        if kind in ("error", "warning") and "404 (Not Found)" not in text:
            self.wrong.append(f"{page.url}: {text}")

    def check(self) -> None:
        own = urlsplit(self.origin).netloc
        assert {urlsplit(url).netloc for url in self.asked} == {own}
        assert self.wrong == []


@pytest.fixture
def watched(chromium: Browser, seeded_portal: Portal) -> Iterator[Watched]:
    one = Watched(chromium, seeded_portal.origin)
    yield one
    one.check()
    one.context.close()


@pytest.fixture
def live(seeded_portal: Portal) -> Iterator[None]:
    """Measurements that arrive once a second."""
    over = threading.Event()

    def run() -> None:
        with psycopg.connect(seeded_portal.database_url, autocommit=True) as connection:
            while not over.wait(1 - time.time() % 1):
                beat(connection)

    thread = threading.Thread(target=run)
    thread.start()
    yield
    over.set()
    thread.join()


def test_live_values_change(watched: Watched, live: None):
    page = watched.open("/fr/installations/pilote-uf")
    row = page.locator('tr[data-path="permeate-flow/flow"]')
    times = set()
    for _ in range(3):
        before = row.locator("time").inner_text()
        page.wait_for_function(
            "before => document.querySelector('tr[data-path=\"permeate-flow/flow\"] time').textContent !== before",
            arg=before,
        )
        times.add(row.locator("time").inner_text())
    assert len(times) >= 2
    assert row.locator(".flag").inner_text() == "valide"
    assert "il y a" in row.locator('[data-live="age"]').inner_text()
    assert "stale" not in (row.get_attribute("class") or "")
    silent = page.locator('tr[data-path="feed-turbidity/turbidity"]')
    assert "depuis" in silent.locator('[data-live="age"]').inner_text()
    assert "stale" in (silent.get_attribute("class") or "")
    assert "," in row.locator('[data-live="value"]').inner_text()


def test_without_script(chromium: Browser, seeded_portal: Portal):
    one = Watched(chromium, seeded_portal.origin, java_script_enabled=False)
    page = one.open("/fr")
    page.get_by_label("Rechercher").fill("ultrafiltration")
    page.get_by_role("button", name="Filtrer").click()
    page.get_by_role("link", name="Pilote d’ultrafiltration").click()
    assert page.locator("tr[data-path] time").count() >= 8
    assert page.locator("figure.chart svg[role=img]").count() >= 6
    page.get_by_role("link", name="30 derniers jours").click()
    assert "period=month" in page.url
    page.get_by_role("link", name="English").click()
    assert "/en/installations/pilote-uf?period=month" in page.url
    one.check()
    one.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_overflow(chromium: Browser, seeded_portal: Portal, scheme: str):
    one = Watched(chromium, seeded_portal.origin, color_scheme=scheme)
    for address in PAGES:
        page = one.open(address)
        page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        for width in (320, 390, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("innerWidth") == width
            beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert beyond <= 0, f"{address} is {beyond} px wider than {width} px"
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == ("rgb(11, 19, 23)" if scheme == "dark" else "rgb(244, 247, 247)")
        page.close()
    one.check()
    one.context.close()


def test_theme_chosen_acts_at_once_and_is_kept(watched: Watched):
    page = watched.open("/fr/methode")
    page.locator("#theme-dark").check(force=True)
    dark = "getComputedStyle(document.body).backgroundColor === 'rgb(11, 19, 23)'"
    assert page.evaluate(dark)
    page.get_by_role("button", name="Garder ce choix").click()
    page.wait_for_load_state()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate(dark)


def test_curve_can_be_explored(watched: Watched):
    page = watched.open("/fr/installations/pilote-uf/voies/permeate-turbidity/turbidity")
    figures = page.locator("figure[data-zoom]")
    if not figures.first.get_by_role("button").count():
        pytest.skip("the browser libraries were left out of this installation (VITRINE_SKIP_WEB)")
    for number in range(figures.count()):
        figure = figures.nth(number)
        figure.get_by_role("button", name="Explorer la courbe").click()
        figure.locator(".uplot canvas").wait_for()
        figure.get_by_role("button", name="Revenir au dessin").click()
        figure.locator(".plot").wait_for(state="visible")


def test_dataset_progress_and_end(watched: Watched, seeded_portal: Portal):
    page = watched.open("/fr/connexion")
    page.get_by_label("Identifiant").fill("evaluation")
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Ouvrir la session").click()
    page.get_by_label("Installation").select_option("pilote-uf")
    page.get_by_label("Titre (facultatif)").fill("Essai du navigateur")
    page.get_by_role("button", name="Construire un jeu de données").click()
    assert page.url.endswith("/fr/jeux/vitrine_pilote-uf_essai-du-navigateur")
    bar = page.locator("progress")
    assert bar.get_attribute("value") == "0.0"
    slug = page.url.rpartition("/")[2]
    with psycopg.connect(seeded_portal.database_url, autocommit=True) as connection:
        connection.execute("UPDATE dataset SET build = 'running', progress = 0.4 WHERE slug = %s", (slug,))
        page.wait_for_function("() => document.querySelector('progress').value === 0.4")
        assert "40\u00a0%" in page.locator('[data-progress="share"]').inner_text()
        connection.execute(
            "UPDATE dataset SET build = 'done', progress = 1, file_name = 'x.zip', file_bytes = 10, rows = 1,"
            " file_sha256 = %s, built_at = now() WHERE slug = %s",
            ("0" * 64, slug),
        )
        page.get_by_role("link", name="Télécharger", exact=True).wait_for()


@pytest.mark.parametrize("address", PAGES)
def test_keyboard_reaches_content(watched: Watched, address: str):
    page = watched.open(address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.wait_for_url("**#main")
