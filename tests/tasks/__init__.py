"""Tests of invlab.tasks."""
