"""Long runs: records on disk, data in shards, processes and clusters."""
