"""Where the objects of a running authority are wired; plain constructors, nothing else."""

from __future__ import annotations

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
from passerelle_pki import calls
from passerelle_pki.authority import Authority, open_authority
from passerelle_pki.config import PkiSettings
from passerelle_pki.register import Register, read_folder
from passerelle_pki.registry import open_registry, read_public_key
from passerelle_pki.renew import OwnLeaf, Renewals
from passerelle_pki.service import Enrolment, add_servicers


@dataclass(frozen=True, slots=True)
class Server:
    """An authority behind its listener."""

    identity: Identity
    listener: Listener
    register: Register
    threads: ThreadPoolExecutor


def load_register(settings: PkiSettings, authority: Authority, clock: Clock) -> Register:
    """The parties that the registry names, as they are now.

    Raises:
        PasserelleError: `config_invalid`, `authority_unreadable`, `authority_version`, what reading a key
            file raises.
    """
    federation = Federation(authority.trust_domain, authority.roots)
    if settings.directory is None:
        registry = open_registry(settings.path(settings.registry), clock)
        register = Register(registry.signed, registry.public_key, federation)
    else:
        key = read_public_key(settings.path(settings.directory.key))
        register = Register(partial(read_folder, settings.path(settings.directory.entries)), key, federation)
    register.refresh()
    return register


def build_server(settings: PkiSettings, clock: Clock) -> Server:
    """An authority ready to listen; called on the event loop that will run it.

    Raises:
        PasserelleError: `crypto_unsupported`, `listen_failed`, or whatever of configuration, key files and
            entries does not hold.
    """
    selftest()
    authority = open_authority(settings.path(settings.authority), clock)
    identity = Identity(authority.trust_domain, Role.PKI, settings.agency)
    register = load_register(settings, authority, clock)
    throttle = Throttle(clock, settings.throttle.each, settings.throttle.total)
    gate = AnonymousGate(calls.RULES, throttle, LogAudit())
    listener = create_anonymous_server(settings.listen, gate, OwnLeaf(authority, identity, clock))
    threads = ThreadPoolExecutor(1, "issue")
    add_servicers(listener.server, Enrolment(Renewals(authority, identity, register, clock), threads))
    return Server(identity, listener, register, threads)
