"""HTTP connections that backends share: pools, body reading, keys, redaction."""
