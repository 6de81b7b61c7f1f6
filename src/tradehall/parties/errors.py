"""What can go wrong when people sign in."""

from tradehall.kernel.errors import Conflict, Forbidden, NotFound, NotSignedIn, TooMany


class WrongPassword(NotSignedIn):
    """E-mail address and password do not fit together."""


class InvalidToken(NotSignedIn):
    """This API token is not valid: unknown, revoked or expired."""


class TooManySignIns(TooMany):
    """Too many wrong passwords. Wait {minutes} minutes, then try again."""


class NotAMember(NotFound):
    """You do not belong to this organisation."""


class TokenNotFound(NotFound):
    """There is no such API token of yours."""


class OnlyAdmins(Forbidden):
    """Only an administrator of your organisation can do this."""


class WrongConsole(Forbidden):
    """This part is for another kind of organisation than the one you act for."""


class OrganisationNotFound(NotFound):
    """There is no such organisation."""


class CredentialNotFound(NotFound):
    """Your organisation has no such API credential."""


class TooManyCredentials(Conflict):
    """Your organisation has {most} API credentials, as many as one can have. Revoke one that is no longer used."""
