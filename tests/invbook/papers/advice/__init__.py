"""Tests of the study of the advice."""
