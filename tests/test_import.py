"""What `import invlab` brings with it."""

import json
import subprocess
import sys

CODE = """
import json, sys
import torch
before = set(sys.modules)
import invlab
print(json.dumps({"modules": sorted(set(sys.modules) - before), "names": dir(invlab)}))
for name in dir(invlab):
    getattr(invlab, name)
"""


def imported():
    command = [sys.executable, "-W", "error", "-c", CODE]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_importing_invlab_brings_nothing_that_is_slow_or_draws():
    packages = {module.partition(".")[0] for module in imported()["modules"]}
    assert "invlab" in packages
    slow = {"matplotlib", "ipywidgets", "IPython", "scipy", "loky", "distributed", "pandas"}
    assert not packages & (slow | {"invbook"})


def test_its_directory_shows_what_users_are_meant_to_reach_and_nothing_else():
    names = imported()["names"]
    assert {"Task", "get_method", "minimize", "losses", "trust"} <= set(names)
    assert not {"Any", "importlib", "contract", "improve", "validation"} & set(names)
