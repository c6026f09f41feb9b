"""XMPP as a client of the load speaks it: a stream cut into stanzas, a session, and the scenarios' devices.

Without I/O but for the devices: RFC 6120 (streams, SASL PLAIN, resource binding), XEP-0198 (what the server
has accepted, and we have received), XEP-0184 (receipts) and XEP-0045 (groups).
"""
