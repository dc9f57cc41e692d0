"""Tests of invbook.papers."""
