"""The one adapter between the hub and a policy engine. It fails closed.

How a batch is decided
----------------------
(1) take the active engine and bundle, once, for the whole batch;
(2) project each input to what its package may read; equal projections are asked once;
(3) take a remembered allow where the package may be remembered and it is young enough;
(4) check the remaining projections against the input schema; one that breaks it is denied;
(5) ask the engine, at most `MAX_ASK` inputs a call; where an evaluation breaks, halve until the one input
    that breaks it stands alone, and deny that one only. Where the engine is down the batch is denied as a
    whole, remembered allows included: whoever holds it can then try all of it again and loses no part;
(6) read each answer strictly (`answer`): anything missing, malformed, unknown or of another revision is a
    denial with reason `policy_unavailable`, and an alarm;
(7) remember allows. Denials are never remembered.

Memory belongs to the activation (`memory`): a new one starts with none. Thread-safe. Blocks.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from passerelle.clock import Clock
from passerelle.errors import PasserelleError
from passerelle_hub.policy.answer import Answer, AnswerRefusedError, read_answer
from passerelle_hub.policy.bundle import Bundle
from passerelle_hub.policy.engine import EVALUATION_FAILED, Engine
from passerelle_hub.policy.memory import Memory, Settings
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
class _Active:
    """One activation: engine, bundle, compiled input schemas and what is remembered under them."""

    engine: Engine
    bundle: Bundle
    checks: Mapping[str, Check]
    memory: Memory


@dataclass(frozen=True, slots=True)
class _Question:
    """One distinct projection waiting for its decision; `key` is its canonical JSON."""

    key: str
    projected: PolicyInput


class _EngineDownError(Exception):
    """The engine gave no answers at all; the text is a private detail."""


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
        self._active = self._activation(engine, bundle)

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
        self._active = self._activation(engine, bundle)

    def _activation(self, engine: Engine, bundle: Bundle) -> _Active:
        checks = {package: compile_schema(schema) for package, schema in bundle.input_schemas.items()}
        return _Active(engine, bundle, checks, Memory(self._settings, self._clock))

    def decide(self, request: PolicyRequest) -> Decision:
        """Decide one request."""
        return self.decide_batch(request.package, [request.to_input()])[0]

    def decide_batch(self, package: str, inputs: Sequence[PolicyInput]) -> list[Decision]:
        """Decide inputs of one package, in order. Never raises for a fault of engine or input: it denies."""
        active = self._active  # (1)
        projection = active.bundle.projections.get(package)
        if projection is None:
            return self._unknown(active, package, len(inputs))
        return self._decided(active, projection, [_key(projection, given) for given in inputs])

    def decide_requests(self, package: str, requests: Sequence[PolicyRequest]) -> list[Decision]:
        """As `decide_batch`; the keys of requests that have a fingerprint are computed once."""
        active = self._active
        projection = active.bundle.projections.get(package)
        if projection is None:
            return self._unknown(active, package, len(requests))
        now = self._clock.now()
        keys = [self._key(active, projection, request, now) for request in requests]
        return self._decided(active, projection, keys)

    def foresee(self, package: str, requests: Sequence[PolicyRequest]) -> list[Decision]:
        """As `decide_requests`, past the memory: nothing is recalled, nothing remembered.

        So the time it takes tells nothing of what others asked a moment ago.
        """
        active = self._active
        projection = active.bundle.projections.get(package)
        if projection is None:
            return self._unknown(active, package, len(requests))
        now = self._clock.now()
        keys = [_key(projection, request.to_input(now)) for request in requests]
        return self._decided(active, projection, keys, memory=False)

    def _key(self, active: _Active, projection: Projection, request: PolicyRequest, now: int) -> str:
        if request.fingerprint is None or projection.timed:
            return _key(projection, request.to_input(now))
        return active.memory.key(
            projection.package, request.fingerprint, lambda: _key(projection, request.to_input(now))
        )

    def _unknown(self, active: _Active, package: str, count: int) -> list[Decision]:
        self._alarm(package, "no such package in the active bundle")
        return [self._denial(active, package, UNAVAILABLE) for _ in range(count)]

    def _decided(
        self, active: _Active, projection: Projection, keys: Sequence[str], *, memory: bool = True
    ) -> list[Decision]:
        """Steps 2 to 7 for the keys of a batch."""
        package = projection.package
        try:
            decided = self._answered(active, projection, keys, memory=memory)
        except _EngineDownError as down:  # (5)
            self._alarm(package, str(down))
            decided = {key: self._denial(active, package, UNAVAILABLE, key) for key in dict.fromkeys(keys)}
        return [decided[key] for key in keys]

    def _answered(
        self, active: _Active, projection: Projection, keys: Sequence[str], *, memory: bool
    ) -> dict[str, Decision]:
        """The decision of each distinct key.

        Raises:
            _EngineDownError: some had to be asked and could not be.
        """
        package, check = projection.package, active.checks[projection.package]
        remembers = memory and projection.cached
        decided = active.memory.recall(package, dict.fromkeys(keys)) if remembers else {}  # (2), (3)
        questions: list[_Question] = []
        waiting = [key for key in dict.fromkeys(keys) if key not in decided]
        if "" in waiting:  # of inputs that have no projection
            waiting.remove("")
            decided[""] = self._denial(active, package, INPUT_INVALID)
        for key, projected in zip(waiting, projection.restore(waiting), strict=True):
            if check(projected):  # (4)
                questions.append(_Question(key, projected))
            else:
                decided[key] = self._denial(active, package, INPUT_INVALID, key)
        for start in range(0, len(questions), MAX_ASK):
            decided |= self._ask(active, package, questions[start : start + MAX_ASK])
        if remembers:  # (7)
            active.memory.remember(package, [(one.key, decided[one.key]) for one in questions])
        return decided

    def _ask(self, active: _Active, package: str, questions: Sequence[_Question]) -> dict[str, Decision]:
        """(5) Ask the engine; halve where an evaluation breaks.

        Raises:
            _EngineDownError: whatever else an engine raises.
        """
        requests = {str(place): question.projected for place, question in enumerate(questions)}
        try:
            raw: Mapping[str, object] = active.engine.evaluate(package, requests)
        except PasserelleError as error:
            detail = f"{error.code}: {error.detail}"
            if error.code != EVALUATION_FAILED:
                raise _EngineDownError(detail) from error
        except Exception as error:
            raise _EngineDownError(type(error).__name__) from error
        else:
            return self._read(active, package, questions, raw)
        if len(questions) > 1:
            half = len(questions) // 2
            first = self._ask(active, package, questions[:half])
            return first | self._ask(active, package, questions[half:])
        self._alarm(package, detail)
        return {one.key: self._denial(active, package, UNAVAILABLE, one.key) for one in questions}

    def _read(
        self, active: _Active, package: str, questions: Sequence[_Question], raw: Mapping[str, object]
    ) -> dict[str, Decision]:
        """(6) The raw answers as decisions; one alarm for all that could not be used."""
        decided: dict[str, Decision] = {}
        faults: list[str] = []
        known: dict[str, Answer] = {}  # most answers of a batch are equal, and writing one is soon done
        for place, question in enumerate(questions):
            given = raw.get(str(place))
            try:
                text = repr(given)
                answer = known.get(text) or read_answer(
                    given, active.bundle.policy_revision, active.bundle.data_revision
                )
            except (AnswerRefusedError, RecursionError) as fault:
                faults.append(str(fault))
                decided[question.key] = self._denial(active, package, UNAVAILABLE, question.key)
                continue
            known[text] = answer
            decided[question.key] = self._decision(active, package, answer, question.key)
        if faults:
            self._alarm(package, f"{len(faults)} unusable answers, the first: {faults[0]}")
        return decided

    def _denial(self, active: _Active, package: str, code: str, key: str = "") -> Decision:
        refusal = Answer(allow=False, grants=(), reasons=(Reason(code),), obligations=(), redactions=())
        return self._decision(active, package, refusal, key)

    def _decision(self, active: _Active, package: str, answer: Answer, key: str) -> Decision:
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
            input_hash=hashlib.sha256(key.encode()).hexdigest() if key else "",
            projected=key,
        )


def _silent(package: str, detail: str) -> None:
    """The alarm of a decider that was given none."""


def _key(projection: Projection, given: PolicyInput) -> str:
    """The projection's key; empty, which no projection has, where the input has none."""
    try:
        return projection.key(given)
    except PasserelleError:
        return ""
