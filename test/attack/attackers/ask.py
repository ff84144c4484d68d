"""Asks for an SVID as any honest client does."""

import attacker

attacker.ask(attacker.connect())
