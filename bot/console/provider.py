"""The municipality's own sign-in: OpenID Connect, by Authlib, with the authorization code flow and PKCE.

Authlib checks an ID token's signature, issuer, audience, nonce and time. What it leaves open is shut here: the issuer
is the one that was set, not the one that answers, and only signatures with the provider's own private key count.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import requests
from authlib.integrations.base_client import BaseApp, OAuth2Mixin, OAuthError, OpenIDMixin
from authlib.integrations.requests_client import OAuth2Session
from joserfc.errors import JoseError

from bot.errors import HandreikingError
from bot.staff import Role

log = logging.getLogger(__name__)

#: How long the provider may take to answer.
PATIENCE_S: Final = 8
SCOPE: Final = "openid profile email"
_SIGNATURES: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)


class ProviderDownError(HandreikingError):
    """The sign-in does not answer, or not as one. Try later, or sign in with a password."""


class NotProvenError(HandreikingError):
    """What came back does not prove who somebody is. Begin again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """Where the browser goes, and what it must bring back. `verifier` and `nonce` are secret until then."""

    url: str
    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Proven:
    """Who somebody is: the ID token as it came, and what it says now that it is checked."""

    claims: Mapping[str, Any] = field(repr=False)
    id_token: str = field(repr=False)


class Provider:
    """One sign-in. `issuer` is its address, `here` the console's as people type it, without a slash at the end.

    `claim` and `roles` say how its people become ours. It is asked about itself when it is first needed, so that the
    console starts while it is down.
    """

    def __init__(
        self, *, issuer: str, client_id: str, client_secret: str, here: str, claim: str, roles: Mapping[str, Role]
    ) -> None:
        self.claim, self.roles, self.here = claim, roles, here
        self._issuer = issuer.rstrip("/")
        self._client = client_id
        self._app = _App(
            framework=None,
            name="provider",
            client_id=client_id,
            client_secret=client_secret,
            server_metadata_url=f"{self._issuer}/.well-known/openid-configuration",
            client_kwargs={"scope": SCOPE, "code_challenge_method": "S256", "default_timeout": PATIENCE_S},
        )

    def begin(self) -> Begun:
        """Raises ProviderDownError."""
        with self._asked():
            self._known()
            made = self._app.create_authorization_url(self._back)
            return Begun(url=made["url"], state=made["state"], nonce=made["nonce"], verifier=made["code_verifier"])

    def finish(self, code: str, *, nonce: str, verifier: str) -> Proven:
        """Exchange the code for an ID token and check it. Raises ProviderDownError, NotProvenError."""
        with self._asked():
            issuer = self._known()
            token = self._app.fetch_access_token(self._back, code=code, code_verifier=verifier)
            if not isinstance(token.get("id_token"), str):
                raise NotProvenError("there is no ID token")
            checks = {
                "iss": {"essential": True, "value": issuer},
                "aud": {"essential": True, "value": self._client},
            }
            claims = self._app.parse_id_token(token, nonce=nonce, claims_options=checks)
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise NotProvenError("there is no subject")
        return Proven(claims=dict(claims), id_token=token["id_token"])

    def leaving(self, id_token: str) -> str | None:
        """Where the browser goes to sign out there too; None when the provider has no such place or does not answer."""
        try:
            with self._asked():
                self._known()
                if not self._app.server_metadata.get("end_session_endpoint"):
                    return None
                made = self._app.create_logout_url(f"{self.here}/signin", id_token, client_id=self._client)
        except (ProviderDownError, NotProvenError):
            return None
        url: str = made["url"]
        return url

    @property
    def _back(self) -> str:
        return f"{self.here}/signin/back"

    def _known(self) -> str:
        """What the provider calls itself, asked once and then remembered. Raises ProviderDownError for another name."""
        issuer: str = self._app.load_server_metadata().get("issuer", "")
        if issuer.rstrip("/") != self._issuer:
            self._app.server_metadata = {}
            raise ProviderDownError("the issuer is another one")
        return issuer

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """What the libraries raise, as what the caller can do about it. Its words may quote a person, so they go."""
        try:
            yield
        except (requests.RequestException, RuntimeError, KeyError, TypeError) as error:
            log.warning("sign_in_provider_down", extra={"error": type(error).__name__})
            raise ProviderDownError("the sign-in does not answer") from None
        except (OAuthError, JoseError, ValueError) as error:
            log.warning("sign_in_not_proven", extra={"error": type(error).__name__})
            raise NotProvenError("what came back proves nothing") from None


class _App(OAuth2Mixin, OpenIDMixin, BaseApp):  # type: ignore[misc]
    """Authlib's client without a web framework around it: where a sign-in stands is in a sealed cookie."""

    client_cls = OAuth2Session

    def load_server_metadata(self) -> Mapping[str, Any]:
        known: dict[str, Any] = super().load_server_metadata()
        offered = known.get("id_token_signing_alg_values_supported") or ["RS256"]
        known["id_token_signing_alg_values_supported"] = [one for one in offered if one in _SIGNATURES]
        return known
