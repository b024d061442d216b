"""The description of the interface, its page, and the interface held against its description."""

import re
from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.api.conftest import PACKAGE, seed
from tests.api.serving import serving
from tests.servers.model import Server
from tests.servers.templates import clone, template

pytestmark = pytest.mark.plain
OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def address(plain_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "datasets").mkdir()
    (folder / "datasets" / "vitrine_pilote-uf_1.zip").write_bytes(PACKAGE)
    with clone(plain_server, template(plain_server, "api", seed)) as dsn, serving(dsn, folder) as running:
        yield running.url


def test_the_interface_keeps_what_it_describes(address: str):
    schema = schemathesis.openapi.from_url(f"{address}/api/openapi.json")
    schema = schema.exclude(path_regex=r"/live$")  # the stream of live values has no end
    tried = 0
    for found in schema.get_all_operations():
        _hold_against_its_description(found.ok())
        tried += 1
    assert tried > 12


def _hold_against_its_description(operation) -> None:
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    cases = st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes])

    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=cases)
    def hold(case: schemathesis.Case) -> None:
        # That a period must end after it begins cannot be described, so some described requests are refused.
        case.call_and_validate(headers=OURS, excluded_checks=[positive_data_acceptance])

    hold()


@pytest.fixture(scope="module")
def described(address: str) -> dict:
    return httpx.get(f"{address}/api/openapi.json").json()


def operations(described: dict) -> Iterator[tuple[str, dict]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def test_every_route_has_words_and_an_example(described: dict):
    for name, operation in operations(described):
        assert operation["summary"], name
        assert operation["description"], name
        success = next(answer for code, answer in operation["responses"].items() if code.startswith("2"))
        text = str(success)
        for reference in re.findall(r"#/components/schemas/(\w+)", text):
            text += str(described["components"]["schemas"][reference])
        assert "example" in text or "binary" in text or "const" in text, f"{name} has no example of its answer"


def test_every_problem_is_described_in_its_one_form(described: dict):
    for name, operation in operations(described):
        for code, answer in operation["responses"].items():
            if code[0] in "45" and code != "416":
                assert list(answer["content"]) == ["application/problem+json"], f"{name} {code}"
    assert "HTTPValidationError" not in described["components"]["schemas"]


def test_the_portals_pages_are_not_part_of_the_interface(described: dict):
    assert all(path.startswith(("/api/v1/", "/health/")) for path in described["paths"])


def test_the_page_needs_no_foreign_origin_and_no_inline_script(address: str):
    page = httpx.get(f"{address}/api/docs")
    assert page.status_code == 200
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(sources) == 4
    assert all(source.startswith("/") for source in sources)
    assert "<script>" not in page.text
    assert "style=" not in page.text
    policy = page.headers["content-security-policy"]
    assert "script-src" not in policy  # so default-src 'self' holds for scripts
    assert "default-src 'self'" in policy
    assert httpx.get(f"{address}/api/docs.js").headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_the_frameworks_own_pages_are_off(address: str, path: str):
    assert httpx.get(f"{address}{path}").status_code == 404
