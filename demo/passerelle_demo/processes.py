"""The demonstration's real processes: started, waited for, measured, stopped."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import psutil

from passerelle.errors import PasserelleError

_MEGABYTE = 1024 * 1024
_LOOK_SECONDS = 1.0


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on just now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in held]
    for one in held:
        one.close()
    return ports


class Processes:
    """Role processes of one demonstration; each logs into `<name>.log` below the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, arguments: Sequence[str]) -> None:
        """Start `passerelle <arguments>`."""
        with (self._folder / f"{name}.log").open("ab") as log:
            command = [sys.executable, "-m", "passerelle", *arguments]
            self._running[name] = subprocess.Popen(  # noqa: S603 - our own command line
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def wait_for(self, name: str, port: int, seconds: float = 120.0) -> None:
        """Until a process listens.

        Raises:
            PasserelleError: `peer_unavailable`, it ended or did not listen in time; the log says why.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._running[name].poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise PasserelleError("peer_unavailable", f"{name} does not listen; see {name}.log")

    def kill(self, name: str) -> None:
        """End one process at once, as a crash would."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """End all, in the reverse order of their start."""
        for process in reversed(self._running.values()):
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class MemoryWatch:
    """The peak of the summed proportional set size (PSS) of this process and all below it, in megabytes."""

    def __init__(self) -> None:
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak_mb = 0.0

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(_LOOK_SECONDS):
            self.peak_mb = max(self.peak_mb, summed_pss() / _MEGABYTE)


def summed_pss() -> int:
    """PSS of this process and its descendants, in bytes; what ends meanwhile counts as nothing."""
    total = 0
    own = psutil.Process()
    for process in (own, *own.children(recursive=True)):
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return total
