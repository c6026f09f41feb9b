"""The load side: devices with real handshakes and real frames, as cheap as they can be made in Python."""
