"""Real files that nobody here wrote, and our own hand-written traps.

`MAILGUARD_CORPUS` names the folder of real files, by default `../shared/corpus`
beside the repository. Where it is missing, tests run on `tests/corpus` alone,
which is always included.
"""

import os
from pathlib import Path

__all__ = ["corpus", "has_corpus", "text_of"]

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "tests" / "corpus"
LISTS = ("manifest.tsv", "README.md")


def has_corpus() -> bool:
    """Whether the folder of real files is there."""
    return real().is_dir()


def real() -> Path:
    """The folder of real files, a sub-folder per kind."""
    return ROOT / os.environ.get("MAILGUARD_CORPUS", "../shared/corpus")


def corpus(kind: str) -> list[Path]:
    """The files of one kind (`main.cf`, `master.cf`, …): real ones, then ours."""
    folders = (real() / kind, OWN / kind)
    return [
        path
        for folder in folders
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name not in LISTS
    ]


def text_of(path: Path) -> str:
    """A file as the library takes it: any byte survives, newlines untouched."""
    return path.read_bytes().decode("utf-8", "surrogateescape")
