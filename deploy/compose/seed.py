"""Makes some users with access keys in whatever AWS_ENDPOINT_URL says. Not for an AWS that is real."""

import os
import sys

import boto3

if not os.environ.get("AWS_ENDPOINT_URL"):
    sys.exit("AWS_ENDPOINT_URL is not set: this would make users and keys in a real account")

iam = boto3.client("iam")
for name, owner, keys in [("ci-bot", "platform", 1), ("backup", "storage", 2), ("reports", "finance", 1)]:
    try:
        iam.create_user(UserName=name, Tags=[{"Key": "owner", "Value": owner}])
    except iam.exceptions.EntityAlreadyExistsException:
        continue
    for _ in range(keys):
        iam.create_access_key(UserName=name)
print("users:", ", ".join(user["UserName"] for user in iam.list_users()["Users"]))
