"""A sign-in that does as it is told: OpenID Connect over real HTTP, with PKCE kept strictly and lies on request."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "handreiking", "a secret of the console"


class StandIn:
    """`claims` go into each ID token and win over what is right, `sign` signs it; `meta` goes into the metadata."""

    def __init__(self):
        self.published = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.sign = signed_by(self.published)
        self.claims = {}
        self.meta = {}
        self.answers = 200
        self.codes = {}
        self.asked = []
        self.issuer = ""

    def metadata(self):
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/logout",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        } | self.meta

    def authorize(self, asked):
        """Where the browser goes back to: everybody is let through."""
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, form, authorization):
        asked = self.codes.pop(form.get("code"), None)
        given = _packed(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        basic = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if asked is None or asked["code_challenge"] != given or authorization != basic:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())  # noqa: TID251 - an ID token is checked against the hour of the real world
        claims = {
            "iss": self.issuer, "aud": CLIENT, "sub": "s-1", "iat": now, "exp": now + 60, "nonce": asked["nonce"],
            "preferred_username": "e.devries@gemeente.test", "name": "Eva de Vries", "locale": "nl",
            "roles": ["editor"],
        } | self.claims  # fmt: skip
        signed = self.sign({name: value for name, value in claims.items() if value is not None})
        return 200, {"access_token": "opaque", "token_type": "Bearer", "expires_in": 60, "id_token": signed}


def signed_by(key):
    """As a provider signs, with this key."""
    return lambda claims: jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)


def signed_with_what_everybody_knows(key):
    """Sign with the published key as if it were a shared secret: what a careless check takes for the provider's own."""

    def sign(claims):
        said = ".".join(map(_packed, (json.dumps({"alg": "HS256", "kid": key.kid}), json.dumps(claims))))
        return f"{said}.{_packed(hmac.digest(key.as_pem(private=False), said.encode(), 'sha256'))}"

    return sign


def signed_by_nobody(claims):
    return ".".join((_packed(json.dumps({"alg": "none"})), _packed(json.dumps(claims)), ""))


def _packed(value):
    return base64.urlsafe_b64encode(value.encode() if isinstance(value, str) else value).rstrip(b"=").decode()


@contextmanager
def running():
    stand_in = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            at = urlsplit(self.path)
            asked = {name: value[0] for name, value in parse_qs(at.query).items()}
            stand_in.asked.append((at.path, asked))
            if stand_in.answers != 200:
                self.send_error(stand_in.answers)
            elif at.path == "/.well-known/openid-configuration":
                self._json(200, stand_in.metadata())
            elif at.path == "/jwks":
                self._json(200, {"keys": [stand_in.published.as_dict(private=False)]})
            elif at.path == "/authorize":
                self._go(stand_in.authorize(asked))
            elif at.path == "/logout":
                self._go(f"{asked['post_logout_redirect_uri']}?{urlencode({'state': asked['state']})}")
            else:
                self.send_error(404)

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: value[0] for name, value in parse_qs(body).items()}
            self._json(*stand_in.token(form, self.headers.get("authorization")))

        def _json(self, status, content):
            self._answer(status, {"content-type": "application/json"}, json.dumps(content).encode())

        def _go(self, url):
            self._answer(302, {"location": url}, b"")

        def _answer(self, status, headers, body):
            self.send_response(status)
            for name, value in (headers | {"content-length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stand_in.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
