"""Pinned key manifests: a counterpart's keys are used once the log is shown to hold them.

(1) a manifest that an entry announces and no pin names is owed a proof: the log must hold this very manifest
    (`log_watch` fetches it). Once proven it is pinned in place of the one before;
(2) until then the pinned one stays in use (`peers`): whoever hands out other keys must show everybody that it
    did. An agency met for the first time is used as the registry's entry says, and its proof is owed too;
(3) a second manifest of one number under the same manifest key, or of a lower number, is an alarm at once.

The hub's own manifest is what its checkpoints are verified with and cannot wait for them: its entry counts.
"""

from __future__ import annotations

from typing import Final

from passerelle.audit import names
from passerelle.audit.follow import Evidence
from passerelle.audit.rows import Fields, row_digest
from passerelle.clock import SECOND, Clock
from passerelle.errors import PasserelleError
from passerelle.manifest import KeyManifest
from passerelle_connector.peers import Peers
from passerelle_connector.store.pins import PinStore
from passerelle_connector.store.promises import MANIFEST, Promise, PromiseStore

MERGE_DELAY: Final = 10 * SECOND


class Pins:
    """The pins of one connector. Blocking; called off the event loop."""

    def __init__(
        self, store: PinStore, promises: PromiseStore, peers: Peers, evidence: Evidence, clock: Clock
    ) -> None:
        self._store = store
        self._promises = promises
        self._peers = peers
        self._evidence = evidence
        self._clock = clock
        for agency, raw in store.all():
            peers.pin(agency, raw)

    def look(self) -> None:
        """Steps 1 and 3 for every manifest that entries announce.

        Raises:
            PasserelleError: `manifest_swapped`, with both as evidence; the pinned one stays in use.
        """
        due = self._clock.now() + MERGE_DELAY
        owed: list[Promise] = []
        for agency, raw, manifest in self._peers.announced():
            pinned = self._peers.pinned(agency)
            if pinned is not None and pinned.digest == manifest.digest:
                continue
            if pinned is not None:
                self._check(agency, pinned, manifest, raw)
            name = names.manifest(agency, manifest.digest)
            fields: Fields = {"agency": agency, "sequence": manifest.sequence, "signed": raw}
            owed.append(Promise(name, MANIFEST, due, row_digest("manifest", fields), raw))
        self._promises.owe(owed)

    def proven(self, promise: Promise) -> None:
        """Step 1: the log holds a manifest; it is in use from now on."""
        agency = promise.name.split("/")[1]
        self._store.put(agency, promise.proof)
        self._peers.pin(agency, promise.proof)

    def _check(self, agency: str, pinned: KeyManifest, manifest: KeyManifest, raw: bytes) -> None:
        if pinned.manifest_key != manifest.manifest_key or manifest.sequence > pinned.sequence:
            return
        files = {"pinned": pinned.to_bytes(), "shown": raw}
        place = self._evidence.keep("manifest_swapped", pinned.digest + manifest.digest, files)
        raise PasserelleError("manifest_swapped", f"{agency}; evidence in {place.name}")
