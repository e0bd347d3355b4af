"""Where the objects of a running authority are wired; plain constructors, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from passerelle.clock import Clock
from passerelle.federation import Federation
from passerelle.identity import Identity, Role
from passerelle.rpc.anonymous import AnonymousGate, Throttle
from passerelle.rpc.rule import LogAudit
from passerelle.rpc.server import Listener, create_anonymous_server
from passerelle.selftest import selftest
from passerelle.sign import Signed, VerifyingKey
from passerelle.welcome import Welcome
from passerelle_pki import calls
from passerelle_pki.announce import Announcements
from passerelle_pki.authority import DATABASE_FILE, Authority, active_issuer, open_authority
from passerelle_pki.config import PkiSettings
from passerelle_pki.enrolment import Desk
from passerelle_pki.issuer import ExternalIssuer
from passerelle_pki.publish import Lists, Publisher
from passerelle_pki.reception import Reception, make_welcome
from passerelle_pki.register import Register, read_folder
from passerelle_pki.registry import KEY_FILE, Registry, open_registry, read_public_key
from passerelle_pki.renew import OwnLeaf, Renewals
from passerelle_pki.service import Enrolment, add_servicers
from passerelle_pki.store import open_database
from passerelle_pki.store.enrolments import EnrolmentStore


@dataclass(frozen=True, slots=True)
class Server:
    """An authority behind its listener; `refresh` is to be called again and again, on `threads`."""

    identity: Identity
    listener: Listener
    refresh: Callable[[], None]
    threads: ThreadPoolExecutor


@dataclass(frozen=True, slots=True)
class Directory:
    """Where signed entries come from, and the key that they verify with."""

    read: Callable[[], tuple[Signed, ...]]
    key: VerifyingKey


def own_registry(settings: PkiSettings, clock: Clock) -> Registry | None:
    """The registry that this pki runs; None where it runs none.

    Raises:
        PasserelleError: `authority_version`, what reading a key file raises.
    """
    folder = settings.path(settings.registry)
    return open_registry(folder, clock) if (folder / KEY_FILE).exists() else None


def open_directory(settings: PkiSettings, clock: Clock) -> Directory:
    """The entries that `[directory]` names, or those of this folder's own registry.

    Raises:
        PasserelleError: `authority_unreadable`, `authority_version`, what reading a key file raises.
    """
    if settings.directory is None:
        registry = open_registry(settings.path(settings.registry), clock)
        return Directory(registry.signed, registry.public_key)
    key = read_public_key(settings.path(settings.directory.key))
    return Directory(partial(read_folder, settings.path(settings.directory.entries)), key)


def open_desk(settings: PkiSettings, authority: Authority, clock: Clock) -> Desk:
    """The desk of enrolments."""
    database = open_database(settings.path(settings.authority) / DATABASE_FILE)
    registry = own_registry(settings, clock)
    return Desk(authority, registry, EnrolmentStore(database), clock)


def open_publisher(settings: PkiSettings, lists: Lists, directory: Directory) -> Publisher:
    """The publisher into the folders of `[publish]`."""
    external = isinstance(active_issuer(settings.path(settings.authority)), ExternalIssuer)
    entries, revocations = settings.publish.entries, settings.publish.revocations
    return Publisher(
        None if external else lists,
        directory.read,
        tuple(settings.path(folder) for folder in entries),
        tuple(settings.path(folder) for folder in revocations),
    )


def load_register(settings: PkiSettings, authority: Authority, clock: Clock) -> Register:
    """The parties that the registry names, as they are now.

    Raises:
        PasserelleError: `config_invalid`, `authority_unreadable`, `authority_version`, what reading a key
            file raises.
    """
    directory = open_directory(settings, clock)
    federation = Federation(authority.trust_domain, authority.roots)
    register = Register(directory.read, directory.key, federation)
    register.refresh()
    return register


def build_server(settings: PkiSettings, clock: Clock) -> Server:
    """An authority ready to listen; called on the event loop that will run it.

    Raises:
        PasserelleError: `crypto_unsupported`, `listen_failed`, or whatever of configuration, key files and
            entries does not hold.
    """
    selftest()
    folder = settings.path(settings.authority)
    authority, directory = open_authority(folder, clock), open_directory(settings, clock)
    identity = Identity(authority.trust_domain, Role.PKI, settings.agency)
    register = load_register(settings, authority, clock)
    lists = Lists(folder, clock)
    publisher = open_publisher(settings, lists, directory)
    throttle = Throttle(clock, settings.throttle.each, settings.throttle.total)
    gate = AnonymousGate(calls.RULES, throttle, LogAudit())
    listener = create_anonymous_server(settings.listen, gate, OwnLeaf(authority, identity, clock))
    threads = ThreadPoolExecutor(1, "issue")
    reception = Reception(
        Renewals(authority, identity, register, clock),
        open_desk(settings, authority, clock),
        lists,
        Announcements(own_registry(settings, clock), clock),
        partial(_welcome, settings, directory),
    )
    add_servicers(listener.server, Enrolment(reception, threads))

    def refresh() -> None:
        register.refresh()
        authority.use(active_issuer(folder))
        publisher.publish()

    return Server(identity, listener, refresh, threads)


def _welcome(settings: PkiSettings, directory: Directory) -> Welcome:
    stated = settings.federation
    group_keys = settings.path(stated.group_keys) if stated else None
    return make_welcome(stated, group_keys, directory.key, directory.read())
