"""Bad messages of the catalogue: frames, registry entries, stream positions, requests to a trustee."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count

from bad_batches import PERSON, good, held, spoilt
from hub_kit import FakeAgency, HubKit

from passerelle.codec.frames import Assembler, frames
from passerelle.errors import PasserelleError
from passerelle.groups import Group
from passerelle.identity import Identity, Role
from passerelle.oprf import threshold
from passerelle.oprf.protocol import MAX_ELEMENTS, EvaluateRequest
from passerelle.record import MAX_BATCH_BYTES, STATEMENT_TYPE, Batch
from passerelle.registry_entry import RegistryEntry, sign_entry
from passerelle.sign import Signed, SigningKey, sign
from passerelle.wire.v1 import exchange_pb2 as pb
from passerelle_trustee.ceremony import DevelopmentKeys
from passerelle_trustee.evaluate import Evaluator

_BODY = b"x" * 1_000_000


@dataclass
class Post:
    """Where messages arrive: a hub that knows an agency, a trustee that holds shares."""

    hub: HubKit
    agency: FakeAgency
    trustee: Evaluator
    dealt: DevelopmentKeys

    def send(self, parts: Iterable[pb.SubmitRequest]) -> None:
        """Frames as the listener takes them; what cannot be put together is answered with a receipt.

        Raises:
            PasserelleError: with the code of the receipt.
        """
        assembler = Assembler()
        for part in parts:
            try:
                assert assembler.feed(part) is None
            except PasserelleError as error:
                intake, refused = self.hub.core.intake, assembler.refused
                signed = intake.refuse_unassembled(refused, self.agency.identity, error)
                receipt = self.hub.receipt(signed)
                if receipt.consumed:
                    assert refused is not None
                    self.agency.took(Batch(refused, ()))
                raise PasserelleError(receipt.code) from error

    def frames(self) -> list[pb.SubmitRequest]:
        """The frames of a batch that nothing is wrong with."""
        return list(frames(self.agency.batch(self.agency.record(PERSON))))

    def enter(self, signed: Signed) -> None:
        """A registry entry arrives."""
        with self.hub.core.database.write() as tx:
            self.hub.core.registry.add(tx, signed)

    def entry(self, **changes: object) -> RegistryEntry:
        """The agency's next registry entry, with other fields."""
        revision = self.hub.core.registry.entry(self.agency.name).revision + 1
        return replace(self.agency.entry(revision=revision), **changes)  # type: ignore[arg-type]  # by the call

    def signed_entry(self, **changes: object) -> Signed:
        """The same, signed by the registry."""
        return sign_entry(self.hub.registry_key, self.entry(**changes))

    def asked(self, **changes: object) -> EvaluateRequest:
        """A request that nothing is wrong with, with other fields."""
        blinded = threshold.blind([b"one", b"two", b"three"])
        info = self.dealt.keys.find("ter", Group.PHONE, 1)
        request = threshold.request(info, blinded, (1, 2), os.urandom(16))
        return replace(request, **changes)  # type: ignore[arg-type]  # field names are checked by the call

    def ask(self, request: EvaluateRequest) -> None:
        """The trustee is asked."""
        self.trustee.evaluate(agency=self.agency.name, request=request)


Send = Callable[[Post], None]


def bad_message(post: Post, send: Send, code: str) -> None:
    """The entry's message: its own code, nothing changed by it, hub and trustee go on."""
    before = held(post.hub, post.agency)
    revision = post.hub.core.registry.entry(post.agency.name).revision
    try:
        send(post)
    except PasserelleError as error:
        assert error.code == code, error.code
    else:
        raise AssertionError("it was taken")
    assert held(post.hub, post.agency) == before
    assert post.hub.core.registry.entry(post.agency.name).revision == revision
    good(post.hub, post.agency)
    post.ask(post.asked())


def _first_frames(post: Post, last: pb.SubmitRequest) -> None:
    post.send([*post.frames()[:-1], last])


def _inside(post: Post) -> None:
    opened, *_ = post.frames()
    post.send([opened, opened])


def _columns(**columns: object) -> Send:
    def send(post: Post) -> None:
        opened, body, commit = post.frames()
        for name, value in columns.items():
            setattr(body.records, name, value)
        post.send([opened, body, commit])

    return send


def _flood(post: Post) -> None:
    opened, *_ = post.frames()
    one = pb.SubmitRequest(records=pb.RecordFrame(sections=[_BODY]))
    post.send([opened, *(one for _ in range(MAX_BATCH_BYTES // len(_BODY) + 1))])


def _statement_of_noise(post: Post) -> None:
    signed = sign(post.agency.signing, STATEMENT_TYPE, b"\xff\xff")
    receipt = post.hub.receipt(post.hub.core.intake.refuse_unassembled(signed, post.agency.identity, _lost()))
    raise PasserelleError(receipt.code)


def _lost() -> PasserelleError:
    return PasserelleError("batch_incomplete")


def _older(post: Post) -> None:
    post.enter(post.signed_entry(revision=1))


def _other_key(post: Post) -> None:
    post.enter(sign_entry(SigningKey.generate(), post.entry()))


def _other_type(post: Post) -> None:
    post.enter(sign(post.hub.registry_key, STATEMENT_TYPE, post.signed_entry().payload))


def _noise_entry(post: Post) -> None:
    signed = post.signed_entry()
    post.enter(sign(post.hub.registry_key, signed.payload_type, b"{}"))


def _manifest_of_another(post: Post) -> None:
    post.enter(post.signed_entry(manifest=post.hub.agency("customs").entry().manifest))


def _without(part: str, value: bytes = b"") -> Send:
    return lambda post: post.enter(spoilt(post.signed_entry(), part, value))


def _reused(post: Post) -> None:
    asked = post.asked()
    post.ask(asked)
    post.ask(replace(asked, elements=post.asked().elements))


_STRANGER = Identity("stranger.example", Role.CONNECTOR, "stranger")
_NUMBERS = count(10**6)


def _stranger(post: Post) -> None:
    batch = post.agency.batch(post.agency.record(PERSON))
    raise PasserelleError(post.hub.receipt(post.hub.core.intake.receive(batch, _STRANGER)).code)


def _asked(**changes: object) -> Send:
    return lambda post: post.ask(post.asked(**changes))


MESSAGES: Mapping[str, Send] = {
    "frame-outside": lambda post: post.send(post.frames()[1:]),
    "frame-empty": lambda post: _first_frames(post, pb.SubmitRequest()),
    "commit-of-more": lambda post: _first_frames(post, pb.SubmitRequest(commit=pb.BatchCommit(records=2))),
    "opened-inside": _inside,
    "salts-short": _columns(salts=b"short"),
    "tokens-short": _columns(tokens=b"x"),
    "flood": _flood,
    "statement-of-noise": _statement_of_noise,
    "stranger": _stranger,
    "entry-older": _older,
    "entry-of-noise": _noise_entry,
    "entry-by-another-registry": _other_key,
    "entry-as-statement": _other_type,
    "entry-half-signed": _without("ed25519"),
    "entry-without-post-quantum": _without("ml_dsa_65"),
    "entry-signature-of-zeros": _without("ed25519", bytes(64)),
    "manifest-of-noise": lambda post: post.enter(post.signed_entry(manifest=b"noise")),
    "manifest-of-another": _manifest_of_another,
    "cursor-ahead": lambda post: post.hub.core.outgoing.open(post.agency.identity, next(_NUMBERS)),
    "acknowledged-ahead": lambda post: post.hub.core.outgoing.acknowledge(
        post.agency.identity, next(_NUMBERS)
    ),
    "request-without-elements": _asked(elements=b""),
    "request-too-large": _asked(elements=bytes(32) * (MAX_ELEMENTS + 1)),
    "request-for-others": _asked(quorum=(2, 3)),
    "request-of-another-domain": _asked(domain="other"),
    "request-of-another-generation": _asked(generation=9),
    "request-of-no-points": _asked(elements=b"\xff" * 64),
    "request-id-reused": _reused,
}
