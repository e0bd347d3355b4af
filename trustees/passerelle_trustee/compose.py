"""Where the trustee's objects are wired; plain constructors, nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc.aio

from passerelle.certificate import Usage
from passerelle.clock import Clock
from passerelle.codec.signed import decode_signed
from passerelle.entry_files import read_registry_key, unreadable
from passerelle.errors import PasserelleError
from passerelle.federation import Federation
from passerelle.identity import Identity, Role
from passerelle.keyfile import KeyKind, read_key
from passerelle.log import get_logger
from passerelle.manifest import read_manifest
from passerelle.registry_entry import verify_entry
from passerelle.reissue import reissue, sealing_files
from passerelle.revocation import Revocations, Standings
from passerelle.rotation import Rotation
from passerelle.rpc.admission import Gatekeeper
from passerelle.rpc.channel import open_channel
from passerelle.rpc.fresh import authority_client, leaf_renewal
from passerelle.rpc.leaf import LeafFiles, Renewal
from passerelle.rpc.lists import ListKeeper, list_keeper
from passerelle.rpc.material import own_material
from passerelle.rpc.rule import LogAudit, Unlimited
from passerelle.rpc.server import Listener, create_server
from passerelle.seal import SealingKey
from passerelle.selftest import selftest
from passerelle.sign import SigningKey, VerifyingKey
from passerelle_trustee import calls
from passerelle_trustee.ceremonies.agreement import Party
from passerelle_trustee.ceremonies.desk import Ceremonies, Directory
from passerelle_trustee.ceremonies.session import Own
from passerelle_trustee.config import HubSettings, TrusteeSettings
from passerelle_trustee.evaluate import Evaluator
from passerelle_trustee.quota import DEFAULT_DAILY, Budgets, Quota
from passerelle_trustee.report import Reporter
from passerelle_trustee.service import CeremonyServicer, Trustee, add_servicers
from passerelle_trustee.shelf import Shelf
from passerelle_trustee.store import Ledger

_LOG = get_logger("trustee")


class Register:
    """The signed entries of a folder, verified into a federation."""

    def __init__(self, folder: Path, key: VerifyingKey, federation: Federation) -> None:
        self.federation = federation
        self._folder = folder
        self._key = key
        self._known: set[bytes] = set()

    def refresh(self) -> int:
        """Take new entries; one that does not verify is logged and left out. Returns how many were new.

        Raises:
            PasserelleError: `config_invalid`, the folder cannot be read.
        """
        try:
            files = sorted(self._folder.iterdir())
            contents = {file.name: file.read_bytes() for file in files if file.is_file()}
        except OSError as error:
            raise unreadable(error) from error
        new = {name: raw for name, raw in contents.items() if raw not in self._known}
        for name, raw in new.items():
            self._known.add(raw)
            try:
                self.federation.accept(verify_entry(decode_signed(raw), self._key))
            except PasserelleError as error:
                _LOG.warning("entry.refused", code=error.code, detail=f"{name}: {error.detail}")
        return len(new)


@dataclass(frozen=True, slots=True)
class Server:
    """A trustee behind its listener."""

    listener: Listener
    register: Register
    threads: ThreadPoolExecutor
    ledger: Ledger
    reporter: Reporter | None
    shelf: Shelf
    ceremonies: Ceremonies
    lists: ListKeeper

    def close(self) -> None:
        """Finish what is running and give the ledger back."""
        self.threads.shutdown()
        self.ledger.close()


def build_quota(settings: TrusteeSettings, ledger: Ledger, clock: Clock) -> Quota:
    """The configured budgets over the ledger."""
    exceptions = {
        (agency, group): elements
        for agency, groups in settings.exceptions.items()
        for group, elements in groups.items()
    }
    return Quota(ledger, Budgets({**DEFAULT_DAILY, **settings.budgets}, exceptions), clock)


def load_register(settings: TrusteeSettings) -> Register:
    """The parties that the registry names.

    Raises:
        PasserelleError: `config_invalid`, `key_malformed`, `identity_malformed`.
    """
    try:
        key = read_registry_key(settings.path(settings.registry.key))
        roots = settings.path(settings.tls.roots).read_bytes()
    except OSError as error:
        raise unreadable(error) from error
    federation = Federation(Identity.parse(settings.identity).trust_domain, roots)
    register = Register(settings.path(settings.registry.entries), key, federation)
    register.refresh()
    return register


def build_server(settings: TrusteeSettings, clock: Clock) -> Server:
    """A trustee ready to listen; called on the event loop that will run it.

    Raises:
        PasserelleError: `crypto_unsupported`, `key_file_permissions`, `share_file_invalid`, `ledger_version`,
            `listen_failed`, or whatever of configuration, key files and entries does not hold.
    """
    selftest()
    register = load_register(settings)
    shelf = open_shelf(settings)
    federation = register.federation
    revocations = Revocations(clock, required=settings.revocation.required)
    standings = Standings(federation, revocations)
    gate = Gatekeeper(calls.RULES, federation, standings, Unlimited(), LogAudit(), clock)
    material = own_material(settings, settings.tls, Usage.SERVER)
    listener = create_server(settings.listen, gate, material)
    ledger = Ledger(settings.path(settings.ledger))
    threads = ThreadPoolExecutor(settings.threads, "evaluate")
    quota = build_quota(settings, ledger, clock)
    ceremonies = build_ceremonies(settings, register, shelf, clock)
    add_servicers(listener.server, Trustee(Evaluator(shelf, quota), threads), CeremonyServicer(ceremonies))
    reporter = build_reporter(settings, quota, clock) if settings.hub is not None else None
    folder = settings.path(settings.revocation.folder)
    lists = list_keeper(settings.revocation, folder, revocations, federation)
    lists.read()
    return Server(listener, register, threads, ledger, reporter, shelf, ceremonies, lists)


def open_shelf(settings: TrusteeSettings) -> Shelf:
    """All shares of the trustee.

    Raises:
        PasserelleError: `share_file_invalid`, `key_file_permissions`, `key_file_missing`.
    """
    return Shelf(settings.path(settings.shares), settings.path(settings.ceremonies))


def build_ceremonies(settings: TrusteeSettings, register: Register, shelf: Shelf, clock: Clock) -> Ceremonies:
    """The ceremonies of this trustee; its keys are read when one is joined or under way."""
    return Ceremonies(
        settings.path(settings.ceremonies),
        Identity.parse(settings.identity).agency,
        lambda: own_keys(settings),
        lambda: shelf.shares,
        Directory(register.federation, clock),
    )


def own_keys(settings: TrusteeSettings) -> Own:
    """Who this trustee is in a ceremony.

    Raises:
        PasserelleError: what reading a key raises.
    """
    files = sealing_files(settings.path(settings.keys.sealing))
    sealing = [SealingKey(read_key(file, KeyKind.SEALING)) for file in files]
    return Own(
        Identity.parse(settings.identity).agency,
        SigningKey(read_key(settings.path(settings.keys.signing), KeyKind.SIGNING)),
        {key.public.key_id: key for key in sealing},
    )


def build_renewals(settings: TrusteeSettings, clock: Clock) -> tuple[Renewal, ...]:
    """The renewals of both leaves; none without `[pki]`."""
    if settings.pki is None:
        return ()
    path, identity = settings.path, Identity.parse(settings.identity)
    found: list[Renewal] = []
    leaves = ((settings.tls, Usage.SERVER), (settings.client, Usage.CLIENT))
    for place, usage in leaves:
        if usage is Usage.CLIENT and settings.hub is None:
            continue  # a trustee that calls nobody holds no leaf for it
        manifest_key = path(settings.keys.manifest)
        files = LeafFiles(path(place.key), path(place.chain), path(settings.tls.roots), manifest_key)
        found.append(leaf_renewal(identity, settings.pki, files, clock, usage))
    return tuple(found)


def build_rotation(settings: TrusteeSettings, register: Register, clock: Clock) -> Rotation | None:
    """The monthly rotation of manifest and sealing key; None where the configuration wants none."""
    if not settings.rotate_days:
        return None
    path, me = settings.path, Identity.parse(settings.identity)
    manifest_key, sealing, pki = path(settings.keys.manifest), path(settings.keys.sealing), settings.pki
    announce = authority_client(me, pki, path(settings.tls.roots)).announce if pki is not None else None
    return Rotation(
        me.agency,
        manifest_key.parent,
        lambda: read_manifest(register.federation.entry(me.agency).manifest, me.agency),
        lambda: reissue(me.agency, manifest_key, clock, sealing),
        clock,
        settings.rotate_days,
        announce,
    )


def build_reporter(settings: TrusteeSettings, quota: Quota, clock: Clock) -> Reporter:
    """What makes the trustee's reports.

    Raises:
        PasserelleError: what reading the signing key raises.
    """
    copies = settings.reports.copies
    return Reporter(
        identity=Identity.parse(settings.identity),
        quota=quota,
        key=SigningKey(read_key(settings.path(settings.keys.signing), KeyKind.SIGNING)),
        clock=clock,
        copies=settings.path(copies) if copies is not None else None,
    )


def open_trustee(settings: TrusteeSettings, party: Party, register: Register) -> grpc.aio.Channel:
    """A channel to another trustee, with the leaf for calls.

    Raises:
        PasserelleError: as `open_hub`.
    """
    identity = register.federation.entry(party.agency).identity(Role.TRUSTEE)
    roots = register.federation.roots(identity.trust_domain)
    material = own_material(settings, settings.client, Usage.CLIENT)
    return open_channel(party.address, identity, roots, material)


def open_hub(settings: TrusteeSettings, hub: HubSettings, register: Register) -> grpc.aio.Channel:
    """A channel to the hub that the registry names, with the leaf for calls.

    Raises:
        PasserelleError: `agency_unknown`, `registry_entry_invalid`, `trust_domain_unknown`,
            `tls_material_invalid`.
    """
    identity = register.federation.entry(hub.agency).identity(Role.HUB)
    roots = register.federation.roots(identity.trust_domain)
    material = own_material(settings, settings.client, Usage.CLIENT)
    return open_channel(hub.address, identity, roots, material)
