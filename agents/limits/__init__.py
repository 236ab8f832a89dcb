"""Rate limits, retries, prices, and the watch over silent streams."""
