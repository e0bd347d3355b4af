"""Every bad input of the catalogue gets its own code, costs nothing accepted, and the rest goes on.

The catalogue is `bad_inputs.toml`; how its entries are built and judged stands in `tests/support/bad_*.py`.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from bad_answers import ANSWERS, TRUSTEES, Quorum, bad_answer, bad_trustee
from bad_answers import open_desk as open_outbox
from bad_batches import BATCHES, bad_batch
from bad_messages import MESSAGES, Post, bad_message
from bad_sources import WHOLE, Desk, bad_file, bad_row, open_desk
from connector_kit import Cast, make_cast
from hub_kit import HubKit, hub_kit

from passerelle.errors import PasserelleError, table
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.embedded import EmbeddedEngine
from passerelle_trustee.ceremony import deal_for_development
from passerelle_trustee.evaluate import Evaluator
from passerelle_trustee.quota import Budgets, Quota
from passerelle_trustee.store import Ledger

CATALOGUE: dict[str, dict[str, dict[str, Any]]] = tomllib.loads(
    (Path(__file__).parent / "bad_inputs.toml").read_text("utf-8")
)


def of(group: str) -> pytest.MarkDecorator:
    """One test for each entry of a group."""
    return pytest.mark.parametrize("name", CATALOGUE[group])


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@pytest.fixture(scope="module")
def desk(
    tmp_path_factory: pytest.TempPathFactory, embedded: EmbeddedEngine, bundle: Bundle, runner: asyncio.Runner
) -> Iterator[Desk]:
    stack = AsyncExitStack()
    folder = tmp_path_factory.mktemp("sources")
    yield runner.run(open_desk(folder, embedded, bundle, stack))
    runner.run(stack.aclose())


@of("rows")
def test_a_bad_row(name: str, desk: Desk, runner: asyncio.Runner) -> None:
    runner.run(bad_row(desk, name, CATALOGUE["rows"][name]))


@of("files")
def test_a_bad_file(name: str, desk: Desk, runner: asyncio.Runner) -> None:
    entry = CATALOGUE["files"][name]
    if name in WHOLE:
        with pytest.raises(PasserelleError, match=entry["code"]):
            runner.run(WHOLE[name](desk))
    else:
        runner.run(bad_file(desk, name, entry))


@pytest.fixture(scope="module")
def hub(
    tmp_path_factory: pytest.TempPathFactory, embedded: EmbeddedEngine, bundle: Bundle
) -> Iterator[HubKit]:
    with hub_kit(tmp_path_factory.mktemp("hub"), embedded, bundle) as kit:
        yield kit


@of("batches")
def test_a_bad_batch(name: str, hub: HubKit) -> None:
    bad_batch(hub, hub.agency("police"), BATCHES[name], CATALOGUE["batches"][name])


@pytest.fixture(scope="module")
def post(hub: HubKit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    dealt = deal_for_development(["ter"])
    ledger = Ledger(tmp_path_factory.mktemp("trustee") / "ledger.db")
    trustee = Evaluator(dealt.books[0], Quota(ledger, Budgets(), hub.clock))
    yield Post(hub, hub.agency("police"), trustee, dealt)
    ledger.close()


@of("messages")
def test_a_bad_message(name: str, post: Post) -> None:
    bad_message(post, MESSAGES[name], CATALOGUE["messages"][name]["code"])


@pytest.fixture(scope="module")
def quorum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quorum]:
    made = Quorum(tmp_path_factory.mktemp("quorum"), deal_for_development(["ter"]))
    yield made
    made.close()


@of("trustees")
async def test_a_bad_answer_of_trustees(name: str, quorum: Quorum) -> None:
    await bad_trustee(quorum, TRUSTEES[name], CATALOGUE["trustees"][name]["code"])


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


@of("answers")
async def test_a_bad_answer_of_the_hub(name: str, cast: Cast, tmp_path: Path) -> None:
    entry = CATALOGUE["answers"][name]
    outbox = open_outbox(cast, tmp_path)
    try:
        await bad_answer(outbox, ANSWERS[name], entry["code"], set_aside=entry.get("set_aside", False))
    finally:
        outbox.close()


def entries() -> list[dict[str, Any]]:
    return [entry for group in CATALOGUE.values() for entry in group.values()]


def test_the_catalogue_is_as_large_as_promised() -> None:
    assert set(CATALOGUE) == {"rows", "files", "batches", "messages", "trustees", "answers"}
    assert len(entries()) >= 60
    assert len({entry["code"] for entry in entries()}) >= 40
    texts = [entry["input"] for entry in entries()]
    assert sorted(text for text in set(texts) if texts.count(text) > 1) == []


def test_every_code_stands_in_the_table_with_a_text_of_its_own() -> None:
    codes = {entry["code"] for entry in entries()}
    assert codes <= set(table())
    assert len({(table()[code].cause, table()[code].fix) for code in codes}) == len(codes)


def test_what_is_built_is_listed_and_what_is_listed_is_built() -> None:
    built = {"batches": BATCHES, "messages": MESSAGES, "trustees": TRUSTEES, "answers": ANSWERS}
    assert {group: set(makers) for group, makers in built.items()} == {
        group: set(CATALOGUE[group]) for group in built
    }
