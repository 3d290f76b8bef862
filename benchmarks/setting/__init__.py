"""What benchmarks stand on: a platform with a province in it."""
