"""Installing invlab beside a torch and a numpy that are there must not touch them."""

import json
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Older than the newest, and with wheels for each supported Python.
OLDER_NUMPY = "2.1.3"

pytestmark = pytest.mark.install


def pinned(package: str) -> str:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    return re.search(rf"^{package}==(\S+)$", text, flags=re.MULTILINE)[1]


def test_install_leaves_torch_and_numpy_alone(tmp_path):
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    folder = "Scripts" if sys.platform == "win32" else "bin"
    python = str(environment / folder / "python")

    def run(*arguments: str) -> str:
        command = [python, *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def versions() -> dict[str, str]:
        listed = json.loads(run("-m", "pip", "list", "--format=json"))
        return {package["name"]: package["version"] for package in listed}

    run("-m", "pip", "install", "-q", f"torch=={pinned('torch')}")
    run("-m", "pip", "install", "-q", f"numpy=={OLDER_NUMPY}")
    before = versions()
    run("-m", "pip", "install", "-q", str(ROOT))
    after = versions()

    # Not only these two: whatever was there keeps its version.
    assert {name: after.get(name) for name in before} == before
    assert after["numpy"] == OLDER_NUMPY
    assert run("-c", "import invlab; print('imported')").split() == ["imported"]
    found = run("-c", "from invbook.results import results_folder; print(results_folder())").strip()
    assert Path(found).is_relative_to(environment)
    assert any(Path(found).rglob("*.json"))
