"""Tests of the XMPP that the load speaks."""
