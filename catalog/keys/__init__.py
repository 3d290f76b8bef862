"""Keys: the ports that floors depend on. The implementations are imported by the wiring only."""

from catalog.keys.ports import Envelope, KeyAgent, Reception, Signature, Signer, TokenKeys

__all__ = ["Envelope", "KeyAgent", "Reception", "Signature", "Signer", "TokenKeys"]
