"""Build the book with plain Sphinx and the newest extensions, in an environment of its own.

python tools/plain_sphinx.py

Jupyter Book 1 is in maintenance and holds Sphinx at 7. This says in time whether the same sources
build without it: the configuration is written from _config.yml, without its own extensions.
"""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from pathlib import Path

from notebooks import ROOT

FOLDER = ROOT / "_build" / "plain"
# Jupyter Book's own, and what only it needs.
LEFT_OUT = ("jupyter_book", "sphinx_comments", "sphinx_jupyterbook_latex")
PACKAGES = (
    "sphinx",
    "sphinx-book-theme",
    "myst-nb",
    "sphinx-external-toc",
    "sphinx-design",
    "sphinx-copybutton",
    "sphinx-togglebutton",
    "sphinx-proof",
    "sphinx-exercise",
    "sphinx-multitoc-numbering",
    "sphinxcontrib-bibtex",
    "sphinxext-opengraph",
    "sphinx-sitemap",
    "sphinx-notfound-page",
    "linkify-it-py",
)


def configuration() -> str:
    """conf.py, from what Jupyter Book makes of _config.yml; its paths are those of the book."""
    program = Path(sys.executable).parent / "jupyter-book"
    command: list[str | Path] = [program, "config", "sphinx", ROOT]
    conf = ROOT / "conf.py"
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    text = conf.read_text(encoding="utf-8")
    conf.unlink()
    for name in LEFT_OUT:
        text = re.sub(rf"'{name}',? ?", "", text)
    own = {
        "sys.path": f"[{str(ROOT / 'tools')!r}, *sys.path]",
        "bibtex_bibfiles": f"[{str(ROOT / 'references.bib')!r}]",
        "html_static_path": f"[{str(ROOT / 'assets')!r}]",
        "html_favicon": repr(str(ROOT / "assets" / "favicon.svg")),
        "external_toc_path": repr(str(ROOT / "_toc.yml")),
    }
    lines = [f"{name} = {value}" for name, value in own.items()]
    return "\n".join(["import sys", text, *lines, ""])


def main() -> int:
    """Make the environment, write conf.py beside the build, and build with warnings as errors."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "conf.py").write_text(configuration(), encoding="utf-8")
    # torch and the rest are those of the environment that runs this
    venv.create(FOLDER / "venv", with_pip=True, system_site_packages=False)
    python = FOLDER / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], check=True)
    own = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    link = next((FOLDER / "venv" / "lib").glob("python*/site-packages")) / "book.pth"
    link.write_text(f"{own}\n{ROOT}\n", encoding="utf-8")
    sphinx: list[str | Path] = [python, "-m", "sphinx", "-W", "--keep-going", "-q", "-c", FOLDER]
    return subprocess.run([*sphinx, ROOT, FOLDER / "html"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
