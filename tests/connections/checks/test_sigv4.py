"""Compare our signatures with examples that AWS publishes, and with botocore's."""

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from portal.connections.checks.sign_in.sigv4 import Keys, signed
from portal.outbound import Request

AT = datetime(2013, 5, 24, tzinfo=UTC)
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
S3 = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
IAM = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


def signature(request: Request) -> str:
    return request.headers["Authorization"].rpartition("Signature=")[2]


# https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/test.txt", {"Range": "bytes=0-9"},
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        ("/?lifecycle", {}, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("/?max-keys=2&prefix=J", {},
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)  # fmt: skip
def test_the_examples_of_s3(path, headers, expected):
    url = f"https://examplebucket.s3.amazonaws.com{path}"
    made = signed(Request("GET", url, headers), S3, "us-east-1", "s3", AT)
    assert made.headers["X-Amz-Content-Sha256"] == EMPTY
    assert signature(made) == expected


# aws-sig-v4-test-suite, which AWS publishes beside its Signature Version 4 documentation
@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("GET", "/?Param2=value2&Param1=value1",
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
    ],
)  # fmt: skip
def test_the_examples_of_the_test_suite(method, path, expected):
    at = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
    made = signed(
        Request(method, f"https://example.amazonaws.com{path}"), IAM, "us-east-1", "service", at
    )
    assert signature(made) == expected


WORDS = st.text("aZ09-_.~ /%+&=:@é€'()*!$,;", max_size=12)


@pytest.mark.parametrize("service", ["s3", "sts"])
@given(
    st.lists(st.text("aZ09-_.~ +:@é", min_size=1, max_size=8), max_size=3),
    st.lists(st.tuples(WORDS.filter(bool), WORDS), max_size=4, unique_by=lambda pair: pair[0]),
    st.binary(max_size=40),
    st.sampled_from([None, "a session's token"]),
)
def test_botocore_signs_in_the_same_way(service, parts, query, body, session):
    parts = [part for part in parts if part not in (".", "..")]
    path = "/" + "/".join(quote(part, safe="") for part in parts)
    asked = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)
    url = f"https://bucket.example:8443{path}" + (f"?{asked}" if asked else "")
    keys = Keys("AKIDEXAMPLE", "a secret", session)
    made = signed(Request("POST", url, {"X-Own": "a  b"}, body), keys, "eu-west-1", service, AT)
    theirs = AWSRequest("POST", url, {"X-Own": "a  b"}, body)
    theirs.context["timestamp"] = AT.strftime("%Y%m%dT%H%M%SZ")
    theirs.headers["X-Amz-Date"] = theirs.context["timestamp"]
    if service == "s3":
        theirs.headers["X-Amz-Content-SHA256"] = made.headers["X-Amz-Content-Sha256"]
    if session:
        theirs.headers["X-Amz-Security-Token"] = session
    auth = (S3SigV4Auth if service == "s3" else SigV4Auth)(
        Credentials("AKIDEXAMPLE", "a secret", session), service, "eu-west-1"
    )
    canonical = auth.canonical_request(theirs)
    theirs_signature = auth.signature(auth.string_to_sign(theirs, canonical), theirs)
    assert signature(made) == theirs_signature


def test_keys_do_not_show_themselves():
    assert "wJalr" not in repr(S3)
