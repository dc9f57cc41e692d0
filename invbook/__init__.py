"""invbook: the laboratory of the book; the papers' experiments, records, figures and claims."""

from invbook.checks import answered, check
from invbook.results import load_records

__all__ = ["answered", "check", "load_records"]
