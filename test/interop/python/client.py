"""The Python judge: py-spiffe, unchanged, as any Python service would use it. See ../README.md for what its lines mean."""

import hashlib
import json
import sys
import threading

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from spiffe import JwtSvid, WorkloadApiClient
from spiffe.errors import PySpiffeError

printing = threading.Lock()


def say(**line):
    with printing:
        print(json.dumps(line), flush=True)


def described(svids):
    out = []
    for svid in svids:
        public = svid.private_key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        serial = format(svid.leaf.serial_number, "032x")
        issuer = svid.leaf.issuer.rfc4514_string()
        key = hashlib.sha256(public).hexdigest()
        out.append({"id": str(svid.spiffe_id), "serial": serial, "key": key, "issuer": issuer})
    return out


def x509_counts(bundles):
    return {f"spiffe://{bundle.trust_domain}": len(bundle.x509_authorities) for bundle in bundles.bundles}


def jwt_keys(bundles):
    return {f"spiffe://{bundle.trust_domain}": len(bundle.jwt_authorities) for bundle in bundles.bundles}


def signed_by_bundle(svid, bundles):
    """The library verifies no chains; the leaf's signature is checked against the authorities it parsed."""
    bundle = bundles.get_bundle_for_trust_domain(svid.spiffe_id.trust_domain)
    for authority in bundle.x509_authorities:
        if authority.subject != svid.leaf.issuer:
            continue
        authority.public_key().verify(
            svid.leaf.signature, svid.leaf.tbs_certificate_bytes, ec.ECDSA(svid.leaf.signature_hash_algorithm)
        )
        return
    raise AssertionError("no authority of the bundle has issued the leaf")


def code_of(error):
    """The gRPC status name; the library carries it in the text or in the cause."""
    cause = error
    while cause is not None:
        if hasattr(cause, "code"):
            return "".join(part.capitalize() for part in cause.code().name.split("_"))
        cause = cause.__cause__
    return "Unknown"


def fetch(audiences):
    """Makes each one-shot call once and checks what came back with the library's own verifiers."""
    with WorkloadApiClient(default_timeout=20) as client:
        svids = client.fetch_x509_svids()
        x509_bundles = client.fetch_x509_bundles()
        for svid in svids:
            signed_by_bundle(svid, x509_bundles)
        jwt_bundles = client.fetch_jwt_bundles()
        say(
            event="fetched",
            svids=described(svids),
            x509Bundles=x509_counts(x509_bundles),
            jwtBundles=jwt_keys(jwt_bundles),
        )
        one = client.fetch_jwt_svid({audiences[0]})
        three = client.fetch_jwt_svids(set(audiences))
        validated = client.validate_jwt_svid(one.token, audiences[0])
        bundle = jwt_bundles.get_bundle_for_trust_domain(one.spiffe_id.trust_domain)
        offline = JwtSvid.parse_and_validate(three[0].token, bundle, {audiences[2]})
        try:
            client.validate_jwt_svid(one.token, "somebody-else")
            wrong_audience = "OK"
        except PySpiffeError as error:
            wrong_audience = code_of(error)
        say(
            event="tokens",
            one={"id": str(one.spiffe_id), "audience": sorted(one.audience)},
            three={"id": str(three[0].spiffe_id), "audience": sorted(three[0].audience), "count": len(three)},
            validated=str(validated.spiffe_id),
            offline=str(offline.spiffe_id),
            wrongAudience=wrong_audience,
        )


def judge(audience):
    """Has the token on standard input checked by the node, and by the library with the bundles that the node gives."""
    with WorkloadApiClient(default_timeout=20) as client:
        token = sys.stdin.readline().strip()
        validated = client.validate_jwt_svid(token, audience)
        jwt_bundles = client.fetch_jwt_bundles()
        bundle = jwt_bundles.get_bundle_for_trust_domain(validated.spiffe_id.trust_domain)
        say(
            event="judged",
            x509Bundles=x509_counts(client.fetch_x509_bundles()),
            jwtBundles=jwt_keys(jwt_bundles),
            validated=str(validated.spiffe_id),
            offline=str(JwtSvid.parse_and_validate(token, bundle, {audience}).spiffe_id),
        )


def updated(context):
    """Says an update whose leaves the authorities in it have signed, and an error where one has not."""
    try:
        for svid in context.x509_svids:
            signed_by_bundle(svid, context.x509_bundle_set)
    except (AssertionError, InvalidSignature) as error:
        say(event="error", code="Unknown", text=repr(error))
        return
    say(event="x509", svids=described(context.x509_svids), x509Bundles=x509_counts(context.x509_bundle_set))


def watch():
    """Reports every update for as long as it lives; each line on standard input makes it fetch once more."""
    client = WorkloadApiClient()
    client.stream_x509_contexts(updated, lambda error: say(event="error", code=code_of(error), text=str(error)))
    for _ in sys.stdin:
        try:
            say(event="granted", svids=described(client.fetch_x509_svids(timeout=20)))
        except PySpiffeError as error:
            say(event="refused", code=code_of(error), text=str(error))
    threading.Event().wait()


if __name__ == "__main__":
    try:
        if sys.argv[1] == "fetch":
            fetch(sys.argv[2:])
        elif sys.argv[1] == "judge":
            judge(sys.argv[2])
        else:
            watch()
    except PySpiffeError as error:
        say(event="failed", code=code_of(error), text=str(error))
        sys.exit(1)
