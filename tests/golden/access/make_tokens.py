"""Makes tokens.json: JWTs and the JWKS they are checked with, by PyJWT and cryptography, and attacks on both by hand.

usage: make_tokens.py    (needs PyJWT 2.10.1 and cryptography 46; keys are new each time and are not kept)
"""

import base64
import hashlib
import hmac
import json
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

NOW = 1_800_000_000
GOOD = {"iss": "https://id.example", "aud": "holdfast", "sub": "anna", "exp": NOW + 600, "roles": ["viewer"]}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwk(key, algorithm: type, **fields: str) -> dict:
    return json.loads(algorithm.to_jwk(key.public_key())) | fields


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)
ALGORITHMS = jwt.algorithms
KEYS = {
    "keys": [
        jwk(RSA, ALGORITHMS.RSAAlgorithm, kid="rsa", use="sig", alg="RS256"),
        jwk(EC, ALGORITHMS.ECAlgorithm, kid="ec", use="sig"),
        jwk(ED, ALGORITHMS.OKPAlgorithm, kid="ed"),
        jwk(WEAK, ALGORITHMS.RSAAlgorithm, kid="weak"),
        jwk(STRANGER, ALGORITHMS.RSAAlgorithm, kid="enc", use="enc"),
        {"kty": "oct", "kid": "oct", "k": b64(b"shared secret of thirty-two bytes")},
    ]
}
cases: list[dict] = []


def case(name: str, token: str, verdict: str, **more: object) -> None:
    cases.append({"name": name, "token": token, "verdict": verdict} | more)


def sign(claims: dict, key=RSA, algorithm: str = "RS256", kid: str | None = "rsa", **header: object) -> str:
    headers = header | ({"kid": kid} if kid else {})
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers)


def without(name: str) -> dict:
    return {key: value for key, value in GOOD.items() if key != name}


def parts(header: dict, claims: dict, signature: bytes) -> str:
    return ".".join([b64(json.dumps(header).encode()), b64(json.dumps(claims).encode()), b64(signature)])


def main() -> None:
    for algorithm, key, kid in (("RS256", RSA, "rsa"), ("ES256", EC, "ec"), ("EdDSA", ED, "ed")):
        name = algorithm
        case(name, sign(GOOD, key, algorithm, kid), "ok")
        case(f"{name} without a key's name", sign(GOOD, key, algorithm, None), "ok")
        case(f"{name} under another key's name", sign(GOOD, key, algorithm, "oct"), "the token's key is not known")
        head, claims, signature = sign(GOOD, key, algorithm, kid).split(".")
        other = b64(json.dumps(GOOD | {"sub": "root"}).encode())
        case(f"{name} with other claims", f"{head}.{other}.{signature}", "the token's signature is wrong")
        flipped = bytearray(base64.urlsafe_b64decode(signature + "=="))
        flipped[-1] ^= 1
        case(f"{name} with a flipped bit", f"{head}.{claims}.{b64(bytes(flipped))}", "the token's signature is wrong")
        case(f"{name} cut", f"{head}.{claims}.", "the token's signature is wrong")
        case(f"{name} unsigned", f"{head}.{claims}", "the token has not three parts")
        case(f"{name} padded", f"{head}.{claims}.{signature}==", "the token is not base64url")
        case(f"{name} and more", f"{head}.{claims}.{signature}.x", "the token has not three parts")

    for none in ("none", "None", "NONE", "nOnE", ""):
        case(f"alg '{none}'", parts({"alg": none, "kid": "rsa"}, GOOD, b""), "the token's algorithm is not taken here")
        case(f"alg '{none}', signed", parts({"alg": none}, GOOD, b"x" * 64), "the token's algorithm is not taken here")
    # The public key as the secret of an HMAC: RFC 8725, section 2.1.
    public = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    text = parts({"alg": "HS256", "kid": "rsa"}, GOOD, b"").rstrip(".")
    mac = hmac.new(public, text.encode(), hashlib.sha256).digest()
    case("HS256 under the public key", f"{text}.{b64(mac)}", "the token's algorithm is not taken here")
    case("PS256", sign(GOOD, RSA, "PS256"), "the token's algorithm is not taken here")
    case("RS512", sign(GOOD, RSA, "RS512"), "the token's algorithm is not taken here")
    case("a key for encryption", sign(GOOD, STRANGER, "RS256", "enc"), "the token's key is not known")
    case("a weak key", sign(GOOD, WEAK, "RS256", "weak"), "the token's key is not known")
    case("a stranger's key", sign(GOOD, STRANGER), "the token's signature is wrong")
    own = jwk(STRANGER, ALGORITHMS.RSAAlgorithm)
    case("a key of its own in the header", sign(GOOD, STRANGER, jwk=own), "the token's signature is wrong")
    # CVE-2022-21449: r and s of zero.
    case("ES256 of zeros", parts({"alg": "ES256", "kid": "ec"}, GOOD, bytes(64)), "the token's signature is wrong")
    der = EC.sign(b"x", ec.ECDSA(hashes.SHA256()))
    case("ES256 in DER", parts({"alg": "ES256", "kid": "ec"}, GOOD, der), "the token's signature is wrong")
    case("critical extensions", sign(GOOD, crit=["exp"]), "the token demands extensions")
    case("no JSON", f"{b64(b'{')}.{b64(b'{}')}.{b64(b'x')}", "the token's parts are no JSON objects")
    case("nested", f"{b64(b'[' * 5000)}.{b64(b'{}')}.{b64(b'x')}", "the token's parts are no JSON objects")
    case("long", "a" * 20000, "the token is too long")

    case("expired", sign(GOOD | {"exp": NOW - 61}), "the token has expired")
    case("expired within the leeway", sign(GOOD | {"exp": NOW - 30}), "ok")
    case("no end", sign(without("exp")), "the token has no end")
    case("not yet", sign(GOOD | {"nbf": NOW + 61}), "the token is not valid yet")
    case("another audience", sign(GOOD | {"aud": "mail"}), "the token is for somebody else")
    case("no audience", sign(without("aud")), "the token is for somebody else")
    case("many audiences", sign(GOOD | {"aud": ["mail", "holdfast"]}), "ok")
    case("another issuer", sign(GOOD | {"iss": "https://id.example/"}), "the token's issuer is not known here")
    case("no issuer", sign(without("iss")), "the token's issuer is not known here")
    case("nobody", sign(without("sub")), "the token's 'sub' names nobody")
    case("a name with a line break", sign(GOOD | {"sub": "anna\nroot"}), "the token's 'sub' names nobody")
    case("roles in one text", sign(GOOD | {"roles": "viewer editor"}), "ok", roles=["viewer", "editor"])
    path = Path(__file__).with_name("tokens.json")
    path.write_text(json.dumps({"now": NOW, "jwks": KEYS, "cases": cases}, indent=1) + "\n")
    print(f"{len(cases)} cases in {path.name}")


if __name__ == "__main__":
    main()
