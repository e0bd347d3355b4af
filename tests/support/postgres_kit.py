"""A PostgreSQL server of our own: the machine's binaries, a private socket, an unprivileged user.

One server serves a whole run of tests; each test gets a database to itself.
Nothing listens on a network. The server refuses to run as root, so root starts it as `postgres` or `nobody`.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg.sql import SQL, Identifier, Literal

from passerelle_hub.store import Database
from passerelle_hub.store.tables import metadata

OLDEST = 15
MEMORY = "/dev/shm"  # noqa: S108 - the server gets a folder of its own there, for its user alone
FAST = ("fsync=off", "full_page_writes=off")
"""What a test gives up that never cuts the power; a killed server loses nothing by it."""
_USED = """
SELECT quote_ident(relname) FROM pg_class AS one
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
AND (pg_relation_size(one.oid) > 0 OR EXISTS (
    SELECT FROM pg_depend JOIN pg_sequence ON seqrelid = objid
    WHERE refobjid = one.oid AND pg_sequence_last_value(seqrelid) IS NOT NULL))
"""
"""Tables that had a row or gave a key away since they were last emptied, rolled back or not."""


def binaries() -> Path | None:
    """The folder of the server's programs: $PASSERELLE_POSTGRES, Debian's newest, or wherever PATH leads."""
    if named := os.environ.get("PASSERELLE_POSTGRES"):
        return Path(named)
    folders = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    versions = [(int(path.parts[-3]), path.parent) for path in folders if path.parts[-3].isdecimal()]
    if versions and max(versions)[0] >= OLDEST:
        return max(versions)[1]
    found = shutil.which("postgres")
    return Path(found).resolve().parent if found else None


def _user() -> str:
    """Whom root starts the server as."""
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


class Server:
    """A server in a folder of its own, which `start` makes anew and `close` removes.

    Args:
        programs: the folder of `initdb` and `postgres`.
        settings: beyond the few that every test needs, as `name=value`.
    """

    def __init__(self, programs: Path, settings: tuple[str, ...] = FAST) -> None:
        self._programs = programs
        self._settings = settings
        # not under the test's own folder: that may be closed to the server's user, and too long for a socket
        memory = MEMORY if os.environ.get("PYTEST_DEBUG_TEMPROOT") == MEMORY else None  # tests/conftest.py
        self.folder = Path(tempfile.mkdtemp(prefix="passerelle-pg-", dir=memory))
        self._run_as: tuple[str, ...] = ()
        if os.geteuid() == 0:
            entry = pwd.getpwnam(_user())
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            self._run_as = ("setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups")
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        self._free: list[str] = []
        self._first: dict[str, list[tuple[Any, ...]]] = {}

    def start(self) -> None:
        """Make the cluster if there is none, and serve it."""
        data = self.folder / "data"
        if not data.exists():
            command = [*self._run_as, str(self._programs / "initdb"), "-D", str(data), "-U", "passerelle"]
            options = ["-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
            subprocess.run([*command, *options], check=True, capture_output=True, cwd="/")
        settings = (
            "listen_addresses=",
            f"unix_socket_directories={self.folder}",
            "max_connections=100",
            "shared_buffers=64MB",
            "log_min_messages=warning",
            *self._settings,
        )
        options = [part for setting in settings for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._run_as, str(self._programs / "postgres"), "-D", str(data), *options],
                stdout=log,
                stderr=log,
                cwd="/",
            )
        self._await()

    def _await(self) -> None:
        """Until it takes connections; a server that recovers from a kill takes some time."""
        for _ in range(600):
            assert self._process is not None and self._process.poll() is None, self.said()
            try:
                psycopg.connect(self.dsn("postgres")).close()
            except psycopg.OperationalError:
                os.sched_yield()
                subprocess.run(["sleep", "0.05"], check=True)  # noqa: S607 - PATH is the test's own
            else:
                return
        raise AssertionError(self.said())

    def pids(self) -> list[int]:
        """Its processes at the moment, those that serve connections included."""
        assert self._process is not None
        whole = psutil.Process(self._process.pid)
        return [whole.pid, *(one.pid for one in whole.children(recursive=True))]

    def said(self) -> str:
        """The server's own log."""
        return (self.folder / "log").read_text("utf-8", "replace")[-4000:]

    def dsn(self, database: str) -> str:
        """What psycopg connects with."""
        return f"host={self.folder} dbname={database} user=passerelle"

    def url(self, database: str) -> str:
        """What a hub's configuration names."""
        return f"postgresql://passerelle@/{database}?host={self.folder}"

    def empty(self) -> str:
        """The URL of a new database without a table."""
        return self.url(self._create("template0"))

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """The URL of an empty database with the newest schema; the next caller gets the same one, emptied."""
        if not self._free:
            name = self._create("template0")
            with closing(Database(self.url(name))) as database:
                database.migrate()
            with psycopg.connect(self.dsn(name)) as connection:
                for table in metadata.tables:
                    every = SQL("SELECT * FROM {}").format(Identifier(table))
                    self._first[table] = connection.execute(every).fetchall()
            self._free.append(name)
        name = self._free.pop()
        yield self.url(name)
        self._empty(name)
        self._free.append(name)

    def _empty(self, name: str) -> None:
        """As it was: only what was used is truncated, for that makes files anew, several a table."""
        with psycopg.connect(self.dsn(name), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            used = ", ".join(table for (table,) in connection.execute(_USED.encode()))
            connection.execute(f"TRUNCATE {used} RESTART IDENTITY CASCADE".encode())
            for table, rows in self._first.items():  # what migrations put there
                for row in rows:
                    values = SQL(", ").join(map(Literal, row))
                    connection.execute(SQL("INSERT INTO {} VALUES ({})").format(Identifier(table), values))

    def _create(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE {name} TEMPLATE "{template}"'.encode())
        return name

    def kill(self) -> None:
        """SIGKILL to the server and all its processes at once; what was committed stays."""
        assert self._process is not None
        backends = psutil.Process(self._process.pid).children(recursive=True)
        self._process.kill()
        for backend in backends:
            with suppress(psutil.NoSuchProcess):
                backend.kill()
        self._process.wait()
        psutil.wait_procs(backends, 10)

    def close(self) -> None:
        """Stop and remove everything."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)  # at once, without a last checkpoint
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def server(programs: Path, settings: tuple[str, ...] = FAST) -> Iterator[Server]:
    """A running server."""
    made = Server(programs, settings)
    try:
        made.start()
        yield made
    finally:
        made.close()
