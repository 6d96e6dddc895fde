"""Benchmarks: ``python -m tests.bench`` measures, beside a bare baseline in the same run, and writes docs/benchmarks.md."""
