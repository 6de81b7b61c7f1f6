from tests.contract.peers import online

__all__ = ["online"]
