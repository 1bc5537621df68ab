"""Gates for pipelines: limits that a dataset must keep, fingerprints that travel."""
