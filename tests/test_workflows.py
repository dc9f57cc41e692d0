"""The workflows: they can be read, name what exists, and use actions that are current."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
GITHUB = ROOT / ".github"
WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))
TARGETS = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
# The first version of each that runs on Node 24.
LEAST = {"checkout": 5, "setup-python": 6, "upload-artifact": 6, "download-artifact": 7}

pytestmark = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def test_each_job_ends_by_itself_and_may_do_little(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"]["contents"] == "read"
    for name, job in workflow["jobs"].items():
        short = name in ("deploy", "publish", "notes")
        assert short or job["timeout-minutes"] <= 180, name


def test_actions_are_current(path):
    uses = re.findall(r"uses: actions/([\w-]+)@v(\d+)", path.read_text(encoding="utf-8"))
    assert all(int(version) >= LEAST.get(name, 4) for name, version in uses), uses


def test_what_is_made_exists(path):
    text = path.read_text(encoding="utf-8")
    assert set(re.findall(r"run: make ([a-z-]+)", text)) <= TARGETS
    for place in re.findall(r"uses: \./(\S+)", text):
        assert (ROOT / place / "action.yml").exists()
    for place in re.findall(r"constraints: (\S+\.txt)", text):
        assert (ROOT / place).exists()
