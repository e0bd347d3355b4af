"""The hub's database: one engine, explicit transactions, migrations at start.

On SQLite the promises are those of `passerelle.store.sqlite`, and the hub runs all writes on one thread. On
PostgreSQL 15 or newer several threads of several processes write side by side:

1. `write()` is one READ COMMITTED transaction. Whoever needs a row to stay as it was read locks it.
2. `read()` is one REPEATABLE READ transaction that cannot write: one consistent state.
3. An acknowledged commit is on disk as far as the server's own `synchronous_commit` says, which stays on.
4. Connections come from a bounded pool that grows by need; who finds none waits. The one used last is used
   first, so that those that a rush needed stay idle, and the server ends them after ten minutes.
5. Of several processes that start at once, one migrates, or takes entries, and the others wait for it.
6. A process keeps to the server, and the timeline, that it met first: one that was restored, or failed over,
   under a running hub is away for it, and the hub's next start asks about it (`origin`).
7. What the server cannot do now (it is away, or broke a deadlock) is the code `database_unavailable`: the
   transaction left nothing behind, or, where its commit was under way, is whole and found again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from passerelle import store
from passerelle.errors import PasserelleError
from passerelle.store import Transaction, sqlite_engine

if TYPE_CHECKING:
    import psycopg

__all__ = ["MIGRATIONS", "Database", "Transaction"]

MIGRATIONS = Path(__file__).parent / "migrations"
START_LOCK: Final = 0x70617373_00000001
"""Advisory lock (PostgreSQL) that whoever migrates holds until the commit."""
SERVER: Final = (
    "SELECT system_identifier, ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint"
    " FROM pg_control_system()"
)
"""System identifier and timeline of a PostgreSQL server; anybody may ask."""
_SESSION: Final = " ".join(
    (
        "-c jit=off",  # costs more than any query of ours runs
        "-c lock_timeout=30s",
        "-c idle_in_transaction_session_timeout=5min",  # a hub that hangs must not hold its locks for ever
        "-c client_connection_check_interval=2s",  # nor one that was killed while it waited
        "-c idle_session_timeout=10min",  # what a rush needed is given back
        "-c tcp_keepalives_idle=20",  # a host that vanished holds no locks, nor leads, for two hours
        "-c tcp_keepalives_interval=5",
        "-c tcp_keepalives_count=4",
    )
)
_KEEPALIVE: Final = {"keepalives_idle": "20", "keepalives_interval": "5", "keepalives_count": "4"}
"""And a server whose host vanished is given up within a minute. The URL may name others."""


class Database(store.Database):
    """Opens transactions, and migrates.

    Args:
        url: SQLAlchemy's, `sqlite:///file` or `postgresql://user@host/name`.
        connections: how many the pool holds at most; SQLite's has no limit.
    """

    def __init__(self, url: str, *, connections: int = 8) -> None:
        target = make_url(url)
        self.concurrent = target.get_backend_name() == "postgresql"
        """Whether several writers, and several processes, run side by side."""
        if target.get_backend_name() == "sqlite" and target.database:
            Path(target.database).touch(0o600)  # before SQLite makes it with the umask's mode
        super().__init__(_postgresql(target, connections) if self.concurrent else sqlite_engine(url))

    @contextmanager
    def write(self) -> Generator[Transaction]:
        """One writing transaction.

        Raises:
            PasserelleError: `database_unavailable`, see promise 7.
        """
        with self._answering(), super().write() as connection:
            yield connection

    @contextmanager
    def read(self) -> Generator[Transaction]:
        """One reading transaction.

        Raises:
            PasserelleError: `database_unavailable`, see promise 7.
        """
        if not self.concurrent:
            with super().read() as connection:
                yield connection
            return
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with (
            self._answering(),
            self._engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            yield connection

    def connect(self) -> psycopg.Connection[Any]:
        """A connection of its own (PostgreSQL), outside the pool, that commits each statement."""
        import psycopg  # noqa: PLC0415 - SQLite does without

        _, parameters = self._engine.dialect.create_connect_args(self._engine.url)
        connection = psycopg.connect(**parameters, autocommit=True)
        connection.execute("SET idle_session_timeout = 0")  # it may listen, or lead, for days
        return connection

    def alone(self, tx: Transaction) -> None:
        """Until the transaction ends: no other process migrates, or is here (5)."""
        if self.concurrent:
            tx.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (START_LOCK,))

    @contextmanager
    def _answering(self) -> Generator[None]:
        """Promise 7."""
        try:
            yield
        except (OperationalError, InterfaceError, DisconnectionError, PoolTimeout) as fault:
            if not self.concurrent:
                raise
            raise PasserelleError("database_unavailable", _reason(fault)) from fault
        except Exception as fault:
            if self.concurrent and _of_the_server(fault):
                raise PasserelleError("database_unavailable", _reason(fault)) from fault
            raise

    def migrate(self, revision: str = "head") -> None:
        """Bring the schema to a revision, the newest unless another is named; never back."""
        self._alembic(lambda config: command.upgrade(config, revision))

    def revert(self, revision: str) -> None:
        """Take the schema back to a revision; what only newer ones can hold is lost."""
        self._alembic(lambda config: command.downgrade(config, revision))

    def _alembic(self, run: Callable[[Config], None]) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self.write() as connection:
            self.alone(connection)  # (5)
            config.attributes["connection"] = connection
            run(config)


def postgresql_address(url: str) -> str:
    """The server as its own programs want it named, without a password."""
    plain = make_url(url).set(drivername="postgresql")
    return URL.create(
        "postgresql", plain.username, None, plain.host, plain.port, plain.database, plain.query
    ).render_as_string()


def _reason(fault: Exception) -> str:
    """The fault's kind; where the server itself said nothing, also what libpq says: host, port, role."""
    cause = getattr(fault, "orig", None) or fault
    if getattr(cause, "sqlstate", "") is not None:  # the server's words may quote what it was given
        return type(fault).__name__
    return f"{type(fault).__name__}: {str(cause).splitlines()[0]}"


def _of_the_server(fault: Exception) -> bool:
    """Whether a cursor past SQLAlchemy, of COPY, met a server that cannot now."""
    import psycopg  # noqa: PLC0415 - SQLite does without

    return isinstance(fault, psycopg.OperationalError | psycopg.InterfaceError)


def _postgresql(url: URL, connections: int) -> Engine:
    """An engine on psycopg 3; `options` of the URL's own come after ours."""
    asked = url.query.get("options", "")
    options = " ".join((_SESSION, asked if isinstance(asked, str) else " ".join(asked))).strip()
    query = _KEEPALIVE | dict(url.query) | {"options": options}
    engine = create_engine(
        url.set(drivername="postgresql+psycopg", query=query),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=30,
        pool_use_lifo=True,
        pool_pre_ping=True,  # a connection that the server ended costs nobody a failed step
    )
    _keep_to_one(engine)
    _copy_fast(engine)
    return engine


def _copy_fast(engine: Engine) -> None:
    from passerelle_hub.store.packing import fast  # noqa: PLC0415 - SQLite does without psycopg

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        fast(connection)


def _keep_to_one(engine: Engine) -> None:
    """Promise 6."""
    met: list[tuple[Any, ...]] = []

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            server = cursor.execute(SERVER).fetchone()
        connection.rollback()
        if not met:
            met.append(server)
        if server != met[0]:
            raise PasserelleError("database_unavailable", "another server, or another timeline")
