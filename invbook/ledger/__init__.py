"""The ledger: what the papers report, beside what our records say, with a verdict.

``claim`` is one number of a paper and how ours is found, ``verdict`` what follows from the two,
``rows`` puts them side by side, and ``table`` writes rows as Markdown.
"""

from invbook.ledger.claim import Claim, Kind
from invbook.ledger.rows import rows
from invbook.ledger.table import table, with_interval
from invbook.ledger.verdict import Verdict, verdict

__all__ = ["Claim", "Kind", "Verdict", "rows", "table", "verdict", "with_interval"]
