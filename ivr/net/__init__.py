"""UDP and TCP transports and port pools; knows nothing of what the bytes mean."""
