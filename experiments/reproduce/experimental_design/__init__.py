"""The robot physicist, and the benchmarks of sequential experimental design."""
