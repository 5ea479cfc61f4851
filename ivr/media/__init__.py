"""Sound on the wire: RTP, G.711, telephone events, playing, bridging."""
