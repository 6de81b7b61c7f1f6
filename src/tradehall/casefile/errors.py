"""What can go wrong when a case file is made."""

from tradehall.kernel.errors import TooMany, Unavailable


class SigningKeyUnreadable(Unavailable):
    """The key that signs case files cannot be opened: the operator has to look at the secret key. Nothing was made."""


class TooManyCaseFiles(TooMany):
    """Your side has made {most} case files of this order within an hour. Make another at {at}."""


class FontMissing(Unavailable):
    """The font that case files are printed with is not installed: the operator has to fetch the assets."""
