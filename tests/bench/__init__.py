"""Benchmarks: ``python -m tests.bench`` measures beside a bare baseline and writes docs/benchmarks.md."""
