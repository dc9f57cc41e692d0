"""Long runs: records on disk, data in shards, processes and clusters."""

from invlab.runs.records import FailedRuns, Record, Run, dumps, load, run
from invlab.runs.shards import generate, read

__all__ = ["FailedRuns", "Record", "Run", "dumps", "generate", "load", "read", "run"]
