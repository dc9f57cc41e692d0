"""The ledger: what the papers report, beside what our records say, with a verdict.

``claim`` is one number of a paper and how ours is found, ``reading`` finds it in the records,
``interval`` says how sure it is, ``judging`` what follows, and ``markdown`` writes rows as a table.
"""

from invbook.ledger.claim import Claim, Kind
from invbook.ledger.judging import Verdict, verdict
from invbook.ledger.markdown import table, with_interval
from invbook.ledger.reading import rows

__all__ = ["Claim", "Kind", "Verdict", "rows", "table", "verdict", "with_interval"]
