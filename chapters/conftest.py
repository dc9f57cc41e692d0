"""`pytest --nbval chapters` compares verdicts: a claim that fails is an error, nothing else moves.

What was measured stands in the HTML of a table of checks, whose plain text is the verdicts: the
HTML is not compared, since its digits differ between processors.
"""

import os

# no progress bar among the outputs, strict checks, and pictures in place of live widgets
os.environ.setdefault("INVLAB_PROGRESS", "off")
os.environ.setdefault("INVLAB_STRICT", "1")
os.environ.setdefault("INVLAB_STATIC", "1")


def pytest_collectstart(collector):
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("text/html",)
