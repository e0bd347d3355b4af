"""The one adapter between the hub and a policy engine. It fails closed.

How a batch is decided
----------------------
(1) take the active engine and bundle, once, for the whole batch;
(2) project each input to what its package may read; equal projections are asked once;
(3) take a remembered allow where the package may be remembered and it is young enough;
(4) check the remaining projections against the input schema; one that breaks it is denied;
(5) ask the engine, at most `MAX_ASK` inputs a call; where an evaluation breaks, halve until the one input
    that breaks it stands alone, and deny that one only;
(6) read each answer strictly (`answer`): anything missing, malformed, unknown or of another revision is a
    denial with reason `policy_unavailable`, and an alarm;
(7) remember allows. Denials are never remembered.

Memory belongs to the activation: the key is (engine, revisions, entry point, projected input), and a new
activation starts with none. Thread-safe. Blocks; `decide_async` runs it off the event loop.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

from passerelle.clock import SECOND, Clock
from passerelle.errors import PasserelleError
from passerelle_hub.policy.answer import Answer, AnswerRefusedError, read_answer
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.engine import EVALUATION_FAILED, Engine
from passerelle_hub.policy.model import (
    INPUT_INVALID,
    UNAVAILABLE,
    Decision,
    PolicyInput,
    PolicyRequest,
    Reason,
)
from passerelle_hub.policy.projection import Projection
from passerelle_hub.policy.schema import Check, compile_schema

MAX_ASK: Final = 1_000
_ID_BYTES: Final = 16

Alarm = Callable[[str, str], None]
"""Called with a package and a private detail whenever an answer could not be used."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How long an allow is remembered (microseconds) and how many at most."""

    allow_lives: int = 5 * SECOND
    remembered: int = 100_000


@dataclass(frozen=True, slots=True)
class _Active:
    """One activation: engine, bundle, compiled input schemas and what is remembered under them."""

    engine: Engine
    bundle: Bundle
    checks: Mapping[str, Check]
    memory: dict[tuple[str, str], tuple[int, Decision]]


@dataclass(frozen=True, slots=True)
class _Question:
    """One distinct projection waiting for its decision."""

    key: str
    projected: PolicyInput
    input_hash: str


class Decider:
    """Decides for the hub.

    Args:
        alarm: called from the deciding thread; must not raise.
        random: source of decision ids, 16 bytes each.
    """

    def __init__(
        self,
        engine: Engine,
        bundle: Bundle,
        *,
        clock: Clock,
        settings: Settings | None = None,
        alarm: Alarm | None = None,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._clock = clock
        self._settings = settings or Settings()
        self._alarm = alarm or _silent
        self._random = random
        self._lock = threading.Lock()
        self._active = _activation(engine, bundle)

    @property
    def bundle(self) -> Bundle:
        """The active bundle."""
        return self._active.bundle

    def activate(self, engine: Engine, bundle: Bundle) -> None:
        """Switch to another engine or revision at once; everything remembered is forgotten.

        Batches under way finish under the revision they began with.

        Raises:
            PasserelleError: `policy_bundle_invalid`; the active revision stays.
        """
        self._active = _activation(engine, bundle)

    def decide(self, request: PolicyRequest) -> Decision:
        """Decide one request."""
        return self.decide_batch(request.package, [request.to_input()])[0]

    def decide_batch(self, package: str, inputs: Sequence[PolicyInput]) -> list[Decision]:
        """Decide inputs of one package, in order. Never raises for a fault of engine or input: it denies."""
        active = self._active  # (1)
        projection = active.bundle.projections.get(package)
        if projection is None:
            self._alarm(package, "no such package in the active bundle")
            return [self._denial(active, package, UNAVAILABLE) for _ in inputs]
        keys = [_key(projection, given) for given in inputs]  # (2)
        decided: dict[str, Decision] = {}
        questions: list[_Question] = []
        for key in dict.fromkeys(keys):
            known = self._recall(active, projection, key)  # (3)
            if known is not None:
                decided[key] = known
                continue
            question = _question(projection, key)
            if question is None or not active.checks[package](question.projected):  # (4)
                shown = "" if question is None else question.input_hash
                decided[key] = self._denial(active, package, INPUT_INVALID, shown)
            else:
                questions.append(question)
        for start in range(0, len(questions), MAX_ASK):
            decided |= self._ask(active, package, questions[start : start + MAX_ASK])
        self._remember(active, projection, [(one.key, decided[one.key]) for one in questions])
        return [decided[key] for key in keys]

    def _ask(self, active: _Active, package: str, questions: Sequence[_Question]) -> dict[str, Decision]:
        """(5) Ask the engine; halve where an evaluation breaks."""
        requests = {str(place): question.projected for place, question in enumerate(questions)}
        try:
            raw: Mapping[str, object] = active.engine.evaluate(package, requests)
        except PasserelleError as error:
            if error.code == EVALUATION_FAILED and len(questions) > 1:
                half = len(questions) // 2
                first = self._ask(active, package, questions[:half])
                return first | self._ask(active, package, questions[half:])
            return self._deny_all(active, package, questions, f"{error.code}: {error.detail}")
        except Exception as error:  # noqa: BLE001 - fail closed: whatever an engine raises is a denial
            return self._deny_all(active, package, questions, type(error).__name__)
        return self._read(active, package, questions, raw)

    def _read(
        self, active: _Active, package: str, questions: Sequence[_Question], raw: Mapping[str, object]
    ) -> dict[str, Decision]:
        """(6) The raw answers as decisions; one alarm for all that could not be used."""
        decided: dict[str, Decision] = {}
        faults: list[str] = []
        for place, question in enumerate(questions):
            try:
                answer = read_answer(
                    raw.get(str(place)), active.bundle.policy_revision, active.bundle.data_revision
                )
                decided[question.key] = self._decision(active, package, answer, question.input_hash)
            except AnswerRefusedError as fault:
                faults.append(str(fault))
                decided[question.key] = self._denial(active, package, UNAVAILABLE, question.input_hash)
        if faults:
            self._alarm(package, f"{len(faults)} unusable answers, the first: {faults[0]}")
        return decided

    def _deny_all(
        self, active: _Active, package: str, questions: Sequence[_Question], detail: str
    ) -> dict[str, Decision]:
        self._alarm(package, detail)
        return {one.key: self._denial(active, package, UNAVAILABLE, one.input_hash) for one in questions}

    def _denial(self, active: _Active, package: str, code: str, input_hash: str = "") -> Decision:
        refusal = Answer(allow=False, grants=(), reasons=(Reason(code),), obligations=(), redactions=())
        return self._decision(active, package, refusal, input_hash)

    def _decision(self, active: _Active, package: str, answer: Answer, input_hash: str) -> Decision:
        return Decision(
            id=self._random(_ID_BYTES).hex(),
            package=package,
            allow=answer.allow,
            grants=answer.grants,
            reasons=answer.reasons,
            obligations=answer.obligations,
            redactions=answer.redactions,
            policy_revision=active.bundle.policy_revision,
            data_revision=active.bundle.data_revision,
            input_hash=input_hash,
        )

    def _recall(self, active: _Active, projection: Projection, key: str) -> Decision | None:
        if not projection.cached:
            return None
        with self._lock:
            known = active.memory.get((projection.package, key))
        if known is None or self._clock.now() - known[0] >= self._settings.allow_lives:
            return None
        return known[1]

    def _remember(
        self, active: _Active, projection: Projection, decided: Sequence[tuple[str, Decision]]
    ) -> None:
        """(7) Keep allows, stamped with the time they were made."""
        if not projection.cached:
            return
        now = self._clock.now()
        with self._lock:
            if len(active.memory) + len(decided) > self._settings.remembered:
                active.memory.clear()
            for key, decision in decided:
                if decision.allow:
                    active.memory[projection.package, key] = (now, decision)


async def decide_async(
    decider: Decider, package: str, inputs: Sequence[PolicyInput], executor: Executor | None = None
) -> list[Decision]:
    """`Decider.decide_batch` in a thread, so that an engine never holds the event loop."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(executor, decider.decide_batch, package, inputs)


def _silent(package: str, detail: str) -> None:
    """The alarm of a decider that was given none."""


def _activation(engine: Engine, bundle: Bundle) -> _Active:
    checks = {package: compile_schema(schema) for package, schema in bundle.input_schemas.items()}
    return _Active(engine, bundle, checks, {})


def _key(projection: Projection, given: PolicyInput) -> str:
    """The projection's key; empty, which no projection has, where the input has none."""
    try:
        return projection.key(given)
    except PasserelleError:
        return ""


def _question(projection: Projection, key: str) -> _Question | None:
    if not key:
        return None
    projected = projection.restore(key)
    canonical = json.dumps(projected, sort_keys=True, separators=(",", ":"))
    return _Question(key, projected, hashlib.sha256(canonical.encode()).hexdigest())
