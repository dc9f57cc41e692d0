"""What `import invlab` costs."""

import json
import statistics
import subprocess
import sys

CODE = """
import json, sys, time
import torch
before = set(sys.modules)
start = time.process_time()
import invlab
seconds = time.process_time() - start
print(json.dumps({"seconds": seconds, "modules": sorted(set(sys.modules) - before)}))
"""


def imported():
    command = [sys.executable, "-c", CODE]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def test_importing_invlab_is_quick_and_brings_no_figures():
    runs = [imported() for _ in range(3)]
    # processor time: another process on the machine must not decide
    assert statistics.median(run["seconds"] for run in runs) < 0.3
    packages = {module.partition(".")[0] for module in runs[0]["modules"]}
    assert "invlab" in packages
    assert not packages & {"matplotlib", "ipywidgets", "IPython", "scipy", "joblib", "pandas"}
