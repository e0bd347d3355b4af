"""The documentation speaks of what is there (links, targets, commands, tests), and leaves none out."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from cyclopts import App, CycloptsError
from pydantic import BaseModel

from passerelle.audit.config import SupervisorSettings
from passerelle.cli import build
from passerelle.errors import table
from passerelle_connector.config import ConnectorSettings
from passerelle_hub.config import HubSettings
from passerelle_pki.config import PkiSettings
from passerelle_trustee.config import TrusteeSettings

ROOT = Path(__file__).parents[2]
GUIDES = (
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs/operate").glob("*.md")),
)
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "changes").glob("*.md")))
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_TARGET = re.compile(r"^`*make ([a-z-]+)", re.MULTILINE)
_BLOCK = re.compile(r"^```(?:sh|text)?[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"^(?:[^#\n]*[\s/])?passerelle ([a-z][^>\n]*)", re.MULTILINE)
_COMMAND = re.compile(r"(?:^|[\s`/])passerelle ([a-z][a-z-]*)((?: [^\s`]+)*)", re.MULTILINE)
_TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
_FILE = re.compile(r"`(tests/[\w/]+\.py)`")


def code(page: Path) -> str:
    """Everything on a page that is set as code, a piece a line."""
    return "\n".join(_CODE.findall(page.read_text("utf-8")))


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-") for head in heads}


def broken_links(page: Path) -> list[str]:
    text = _CODE.sub("", page.read_text("utf-8"))
    found: list[str] = []
    for link in _LINK.findall(text):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


def missing_commands(text: str, app: App) -> list[str]:
    """Commands of the text that do not exist, or are named with an option that they do not know."""
    found: list[str] = []
    for name, rest in _COMMAND.findall(text):
        words, path = rest.split(), [name]
        try:
            command = app[name]
            while words and words[0] in _names(command):
                path.append(words.pop(0))
                command = command[path[-1]]
            if command.default_command is None and words:
                path.append(words[0])
                raise KeyError
        except KeyError:
            found.append(" ".join(path))
            continue
        known = {option for argument in command.assemble_argument_collection() for option in argument.names}
        options = {word.strip(",;.)") for word in words if word.startswith("--")}
        found += [f"{' '.join(path)} {option}" for option in sorted(options - known)]
    return found


def _names(app: App) -> set[str]:
    return {name for name in app if not name.startswith("-")}


def unparsed(text: str, app: App) -> list[str]:
    """Command lines in blocks of code that the command would refuse: arguments are missing or too many."""
    found: list[str] = []
    for line in _LINE.findall("\n".join(_BLOCK.findall(text)).replace("\\\n", " ")):
        try:
            app.parse_args(shlex.split(line, comments=True), exit_on_error=False, print_error=False)
        except CycloptsError:
            found.append(line)
    return found


def commands(app: App, *path: str) -> Iterator[str]:
    """Every command that does something, as it is typed after `passerelle`."""
    for name in sorted(_names(app)):
        command = app[name]
        if command.default_command is not None:
            yield " ".join((*path, name))
        yield from commands(command, *path, name)


def settings(model: type[BaseModel]) -> Iterator[str]:
    """Every name that stands in a role's configuration, those of its tables among them."""
    for name, field in model.model_fields.items():
        if name != "base":  # the folder of the file, which no file says
            yield name
        for part in _models(field.annotation):
            yield from settings(part)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_relative_link_resolves(page: Path) -> None:
    assert broken_links(page) == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(_TARGET.findall(code(page))) <= targets


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_and_option_exists(page: Path) -> None:
    assert missing_commands(code(page), build()) == []


def test_every_command_and_page_that_an_error_names_exists() -> None:
    said = "\n".join(f"{spec.cause} {spec.fix}" for spec in table().values())
    assert missing_commands(re.sub(r"[,;:.)](?=\s|$)", "\n", said), build()) == []
    assert [name for name in re.findall(r"docs/[\w/.-]*\w", said) if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_line_is_one_that_the_command_takes(page: Path) -> None:
    assert unparsed(page.read_text("utf-8"), build()) == []


def test_every_command_stands_in_a_guide() -> None:
    told = "\n".join(code(page) for page in GUIDES)
    assert [name for name in commands(build()) if not re.search(rf"passerelle {name}(?![\w-])", told)] == []


@pytest.mark.parametrize(
    "model", [ConnectorSettings, HubSettings, PkiSettings, SupervisorSettings, TrusteeSettings]
)
def test_every_setting_stands_in_a_guide(model: type[BaseModel]) -> None:
    told = set(re.findall(r"\w+", "\n".join(code(page) for page in GUIDES)))
    assert sorted(set(settings(model)) - told) == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_named_test_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    for path, name in _TEST.findall(text):
        tree = ast.parse((ROOT / "tests" / path).read_text("utf-8"))
        functions = {
            node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        }
        assert name in functions, f"{path}::{name}"
    for path in _FILE.findall(text):
        assert (ROOT / path).is_file(), path


def test_the_threat_model_names_tests() -> None:
    assert len(_TEST.findall((ROOT / "docs/threat-model.md").read_text("utf-8"))) > 40


@pytest.mark.parametrize("head", ["Adversaries", "A hub that lies with its log"])
def test_every_defence_of_the_threat_model_names_its_test(head: str) -> None:
    text = (ROOT / "docs/threat-model.md").read_text("utf-8")
    section = text.split(f"\n## {head}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 5
    assert [row[:60] for row in rows if not _TEST.search(row)] == []


def test_every_decision_stands_in_the_index_in_order() -> None:
    pages = sorted(
        page.name for page in (ROOT / "docs/adr").glob("[0-9]*.md") if page.name != "0000-template.md"
    )
    index = (ROOT / "docs/adr/README.md").read_text("utf-8")
    assert re.findall(r"^\| \[\d{4}\]\(([^)]+)\)", index, re.MULTILINE) == pages


def test_every_decision_has_its_number_a_date_and_a_state() -> None:
    loose = [
        page.name
        for page in sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
        if not re.match(
            rf"# {page.name[:4]}: .+\n\nDate: \d{{4}}-\d\d-\d\d · State: ", page.read_text("utf-8")
        )
    ]
    assert loose == []


def test_the_readme_leads_to_every_guide() -> None:
    found = set(_LINK.findall((ROOT / "README.md").read_text("utf-8")))
    pages = (
        page for folder in ("docs", "docs/operate", "docs/flows") for page in (ROOT / folder).glob("*.md")
    )
    assert sorted({str(page.relative_to(ROOT)) for page in pages} - found) == []


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs/adr"
    pages = {page.name for page in folder.glob("[0-9]*.md")}
    assert pages == set(re.findall(r"\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text("utf-8")))


def test_a_decision_that_another_changes_says_so() -> None:
    heads = {
        page.name[:4]: page.read_text("utf-8").split("\n## ", 1)[0]
        for page in (ROOT / "docs/adr").glob("[0-9]*.md")
    }
    changed = [
        (old, new)
        for new, head in heads.items()
        for words in re.findall(r"(?:replaces|changes) (.*)", head.replace("\n", " "))
        for old in re.findall(r"\[(\d{4})\]", words)
    ]
    assert ("0016", "0111") in changed
    assert [pair for pair in changed if f"[{pair[1]}]" not in heads[pair[0]]] == []


def test_what_is_not_there_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One head\n[a](page.md#one-head) [b](other.md) [c](#two) [d](https://example.org)", "utf-8"
    )
    assert broken_links(page) == ["other.md", "#two"]
    text = "passerelle hub fly\npasserelle moon\npasserelle hub run --fast\npasserelle hub run --config x"
    assert missing_commands(text, build()) == ["hub fly", "moon", "hub run --fast"]
    text = "```\npasserelle hub run\npasserelle hub run away  # too many\npasserelle pki approve\n```\n"
    assert unparsed(text, build()) == ["hub run away  # too many", "pki approve"]
