"""The Session Initiation Protocol without sockets or clocks. RFC 3261."""
