"""Tests of invlab.methods."""
