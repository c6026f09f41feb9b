"""Groups at the relay: one actor for each group that is active, and what carries its items to the members.

SendGroup ─► Group: admitted ─► journal ─► ✓ ─► fan-out: one message for each worker, with all its members
there ─► Porter: one submission with the payload once and a short row for each device ─► durable ─► delivered
"""
