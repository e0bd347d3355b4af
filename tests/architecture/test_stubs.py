"""The committed wire code is what the protocol files generate: nobody edited it, nobody forgot it."""

from __future__ import annotations

import sys
from pathlib import Path

from grpc_tools import protoc


def test_generating_the_wire_code_again_changes_nothing(repository: Path, tmp_path: Path) -> None:
    binaries = Path(sys.executable).parent
    sources = sorted((repository / "proto").rglob("*.proto"))
    assert sources
    arguments = [
        "protoc",
        f"--proto_path={repository / 'proto'}",
        f"--plugin=protoc-gen-mypy={binaries / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={binaries / 'protoc-gen-mypy_grpc'}",
        f"--python_out={tmp_path}",
        f"--grpc_python_out={tmp_path}",
        f"--mypy_out=quiet:{tmp_path}",
        f"--mypy_grpc_out=quiet:{tmp_path}",
    ]
    assert protoc.main([*arguments, *map(str, sources)]) == 0
    fresh = _texts(tmp_path / "passerelle" / "wire" / "v1")
    committed = _texts(repository / "kernel" / "passerelle" / "wire" / "v1")
    assert sorted(fresh) == sorted(name for name in committed if name != "__init__.py")
    assert [name for name, text in fresh.items() if committed[name] != text] == [], "run: make proto"


def _texts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in {".py", ".pyi"}}
