"""The four transaction machines of RFC 3261 section 17, corrected by RFC 6026, and the layer that runs them."""
