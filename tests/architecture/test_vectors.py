"""Every vector file says where it comes from."""

from __future__ import annotations

from pathlib import Path


def test_every_vector_file_has_a_row_in_the_readme(repository: Path) -> None:
    folder = repository / "tests" / "vectors"
    text = (folder / "README.md").read_text("utf-8")
    files = [path.name for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "README.md"]
    assert files
    assert [name for name in files if f"`{name}`" not in text] == []
