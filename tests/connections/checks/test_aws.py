"""Check connections to AWS as moto plays it, which verifies signatures and permissions."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config

from portal.connections.checks.run import run
from portal.outbound import OutboundClient
from portal.outbound.networks import LOOPBACK
from tests.connections.checks.fake import Checked, subject_of
from tests.keeper import free_port

REGION = "eu-west-1"
WAY = {"kind": "sigv4", "service": "sts", "sts_url": "{endpoint}/"}
ERRORS = [
    {"status": [400, 403], "contains": code, "verdict": verdict, "says": says}
    for code, verdict, says in (
        ("InvalidClientTokenId", "auth_invalid", "There is no such access key id."),
        ("InvalidAccessKeyId", "auth_invalid", "There is no such access key id."),
        ("SignatureDoesNotMatch", "auth_invalid", "The secret does not belong to the id."),
        ("AccessDenied", "auth_scope", "The key may not do this."),
    )
]
WHO = {
    "title": "Ask whose the key is",
    "method": "POST",
    "url": "{endpoint}/",
    "form": {"Action": "GetCallerIdentity", "Version": "2011-06-15"},
    "account": ["GetCallerIdentityResponse.GetCallerIdentityResult.Account"],
    "answers": [*ERRORS, {"status": [200], "verdict": "passed"}],
}
BUCKET = {
    "title": "List one object",
    "url": "{endpoint}/acme?list-type=2&max-keys=1",
    "reached": "The bucket acme",
    "answers": [*ERRORS, {"status": [200], "verdict": "passed"}],
}


class Aws:
    """A running moto that verifies who asks, and the users in it."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        setup = {
            "endpoint_url": endpoint, "region_name": REGION, "aws_access_key_id": "setup",
            "aws_secret_access_key": "setup", "config": Config(retries={"total_max_attempts": 1}),
        }  # fmt: skip
        iam = boto3.client("iam", **setup)
        # Three calls are free: a user, her keys, her rights. Then she makes the others.
        iam.create_user(UserName="boss")
        key = iam.create_access_key(UserName="boss")["AccessKey"]
        all_of_it = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        everything = {"Version": "2012-10-17", "Statement": [all_of_it]}
        iam.put_user_policy(
            UserName="boss", PolicyName="all", PolicyDocument=json.dumps(everything)
        )
        self.boss = {
            "access_key_id": key["AccessKeyId"],
            "secret_access_key": key["SecretAccessKey"],
        }
        held = {**setup, "aws_access_key_id": key["AccessKeyId"],
                "aws_secret_access_key": key["SecretAccessKey"]}  # fmt: skip
        iam = boto3.client("iam", **held)
        iam.create_user(UserName="guest")
        key = iam.create_access_key(UserName="guest")["AccessKey"]
        self.guest = {
            "access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"],
        }  # fmt: skip
        role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps(everything))
        self.role = role["Role"]["Arn"]
        iam.put_role_policy(
            RoleName="reader", PolicyName="all", PolicyDocument=json.dumps(everything)
        )
        boto3.client("s3", **held).create_bucket(
            Bucket="acme", CreateBucketConfiguration={"LocationConstraint": REGION}
        )

    def check(self, credentials, who=WHO, **way) -> Checked:
        told = []

        async def on_step(step) -> None:
            told.append(step)

        async def main():
            async with OutboundClient(LOOPBACK) as client:
                entry = {"who": who, "proves": "It is a key of AWS."}
                subject = subject_of(
                    {**WAY, **way}, entry, credentials,
                    {"endpoint": self.endpoint, "region": REGION}, opened=("access_key_id",),
                )  # fmt: skip
                return await run(subject, client, on_step)

        return Checked(asyncio.run(main()), told)


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        env={**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": "3"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        ends = time.monotonic() + 60
        while True:
            try:
                made = Aws(f"http://127.0.0.1:{port}")
            except botocore.exceptions.EndpointConnectionError:
                assert time.monotonic() < ends, "moto did not start"
                time.sleep(0.2)
            else:
                break
        yield made
    finally:
        process.terminate()
        process.wait(20)


def test_a_good_key_names_its_account(aws):
    done = aws.check(aws.boss)
    assert (done.report.outcome, done.report.account) == ("passed", "123456789012"), done.report


def test_three_refusals_with_the_same_status_are_told_apart(aws):
    wrong = aws.check({**aws.boss, "secret_access_key": "not the secret of this key"})
    unknown = aws.check({**aws.boss, "access_key_id": "AKIA0000000000000000"})
    denied = aws.check(aws.guest, BUCKET, service="s3")
    statuses = {done.step("sign_in").status for done in (wrong, unknown)}
    assert {*statuses, denied.step("who").status} == {403}
    assert (wrong.report.outcome, unknown.report.outcome) == ("auth_invalid", "auth_invalid")
    assert "secret" in wrong.report.said
    assert "no such access key" in unknown.report.said
    assert (denied.report.outcome, denied.step("sign_in").state) == ("auth_scope", "passed")


def test_a_bucket_is_read(aws):
    done = aws.check(aws.boss, BUCKET, service="s3")
    assert (done.report.outcome, done.report.account) == ("passed", None), done.report
    assert done.step("who").said == "The bucket acme answered."


def test_a_role_lends_its_keys(aws):
    done = aws.check(aws.boss, BUCKET, service="s3", role_arn=aws.role)
    assert done.report.outcome == "passed", done.report


def test_a_role_that_may_not_be_taken_is_told(aws):
    done = aws.check(aws.guest, BUCKET, service="s3", role_arn=aws.role)
    assert (done.report.outcome, done.step("sign_in").state) == ("auth_scope", "failed"), (
        done.report
    )
    assert "role" in done.report.said
