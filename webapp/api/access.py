"""Who may use the API: programs by a token, pages of this site by their session."""

from ninja.security import HttpBearer, django_auth

from webapp.services import tokens


class Token(HttpBearer):
    """``Authorization: Bearer nst_…``; the request is then made by the token's owner."""

    def authenticate(self, request, token: str):
        user = tokens.redeem(token)
        if user is not None:
            request.user = user
        return user


# Of two ways the first that lets one in counts. A session's changes need the site's CSRF token as well.
ACCESS = [Token(), django_auth]
