"""`pytest --nbval chapters` compares outputs: no progress bar may stand among them."""

import os

os.environ.setdefault("INVLAB_PROGRESS", "off")
