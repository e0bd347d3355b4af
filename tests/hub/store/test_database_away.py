"""A database server that is not there: the refusal says where it was looked for, in no words of its own."""

from __future__ import annotations

import pytest

from passerelle.errors import PasserelleError
from passerelle_hub.store import Database


@pytest.mark.integration
def test_a_server_that_does_not_listen_is_named() -> None:
    database = Database("postgresql://hub@127.0.0.1:1/passerelle")
    with pytest.raises(PasserelleError) as caught, database.read():
        pass
    database.close()
    assert caught.value.code == "database_unavailable"
    assert '"127.0.0.1", port 1' in caught.value.detail


@pytest.mark.integration
def test_what_the_server_says_stays_with_it(database_url: str) -> None:
    database = Database(database_url)
    if not database.concurrent:
        database.close()
        return  # SQLite has no server
    with pytest.raises(PasserelleError) as caught, database.write() as tx:
        tx.exec_driver_sql("SET LOCAL statement_timeout = '1ms'")
        tx.exec_driver_sql("SELECT pg_sleep(1), 'content'")
    database.close()
    assert (caught.value.code, caught.value.detail) == ("database_unavailable", "OperationalError")
