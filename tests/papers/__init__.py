"""Tests of invlab.papers."""
