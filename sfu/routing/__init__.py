"""Room state -> desired forwarding table -> difference -> operations for the plane (RIB and FIB)."""
