"""Installing invlab beside a torch and a numpy that are there; notebooks away from the sources."""

import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Older than the newest, and with wheels for each supported Python.
OLDER_NUMPY = "2.1.3"

# Short chapters, of the first parts and of the last.
NOTEBOOKS = ("ch04_four_tasks", "ch18_bring_your_own_simulator")
EXECUTE = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=1800, kernel_name="python3").execute()
print(*(o.text for c in notebook.cells for o in c.get("outputs", []) if o.output_type == "stream"))
"""

pytestmark = pytest.mark.install


def pinned(package: str) -> str:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    return re.search(rf"^{package}==(\S+)$", text, flags=re.MULTILINE)[1]


class Environment:
    """A fresh environment in a folder, with the torch that is pinned."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.create(folder / "venv", with_pip=True)
        place = "Scripts" if sys.platform == "win32" else "bin"
        self.python = str(folder / "venv" / place / "python")
        self.run("-m", "pip", "install", "-q", f"torch=={pinned('torch')}")

    def run(self, *arguments: str, **variables: str) -> str:
        command = [self.python, *arguments]
        env = os.environ | variables
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, env=env)
        assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def versions(self) -> dict[str, str]:
        listed = json.loads(self.run("-m", "pip", "list", "--format=json"))
        return {package["name"]: package["version"] for package in listed}


def test_install_leaves_torch_and_numpy_alone(tmp_path):
    environment = Environment(tmp_path)
    environment.run("-m", "pip", "install", "-q", f"numpy=={OLDER_NUMPY}")
    before = environment.versions()
    environment.run("-m", "pip", "install", "-q", str(ROOT))
    after = environment.versions()

    # Not only these two: whatever was there keeps its version.
    assert {name: after.get(name) for name in before} == before
    assert after["numpy"] == OLDER_NUMPY
    assert environment.run("-c", "import invlab; print('imported')").split() == ["imported"]
    where = "from invbook.results import results_folder; print(results_folder())"
    found = environment.run("-c", where).strip()
    assert Path(found).is_relative_to(tmp_path / "venv")
    assert any(Path(found).rglob("*.json"))


def test_plain_notebooks_run_from_a_wheel_with_the_versions_of_colab(tmp_path):
    environment = Environment(tmp_path)
    colab = str(ROOT / ".github" / "constraints-colab.txt")
    environment.run("-m", "pip", "wheel", "-q", "--no-deps", "-w", "wheels", str(ROOT))
    (wheel,) = (tmp_path / "wheels").glob("*.whl")
    wanted = [f"{wheel}[book]", "nbclient", "ipykernel"]
    environment.run("-m", "pip", "install", "-q", "-c", colab, *wanted)
    for name in NOTEBOOKS:
        notebook = str(ROOT / "colab" / f"{name}.ipynb")
        said = environment.run("-c", EXECUTE, notebook, INVLAB_STRICT="1", INVLAB_PROGRESS="off")
        assert "is ready" in said
        assert "Not answered yet" in said
