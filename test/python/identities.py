"""The exchanges of the vendors' libraries: each prints nothing and leaves its requests at the servers of its arguments."""

import json
import os
import sys

import requests

plain, secure, authority, directory, names = sys.argv[1:6]
names = json.loads(names)
token = os.path.join(directory, "token")
session = requests.Session()
session.verify = authority
session.trust_env = False


def aws_role():
    os.environ.update(
        AWS_ROLE_ARN=names["roleARN"],
        AWS_WEB_IDENTITY_TOKEN_FILE=token,
        AWS_ROLE_SESSION_NAME=names["podName"],
        AWS_DEFAULT_REGION="eu-west-1",
        AWS_ENDPOINT_URL_STS=plain,
    )
    aws()


def aws_pod():
    os.environ.update(
        AWS_CONTAINER_CREDENTIALS_FULL_URI=plain + "/v1/credentials",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=token,
    )
    aws()


def aws():
    import botocore.session

    botocore.session.Session().get_credentials().get_frozen_credentials()


def google_metadata():
    os.environ["GCE_METADATA_HOST"] = plain.removeprefix("http://")
    from google.auth import compute_engine
    from google.auth.transport.requests import Request

    compute_engine.Credentials(scopes=[]).refresh(Request())


def google_federation(account=None):
    from google.auth import identity_pool
    from google.auth.transport.requests import Request

    iam = f"{plain}/v1/projects/-/serviceAccounts/{account}:generateAccessToken"
    identity_pool.Credentials(
        audience=names["audience"],
        subject_token_type="urn:ietf:params:oauth:token-type:jwt",
        token_url=plain + "/v1/token",
        credential_source={"file": token},
        service_account_impersonation_url=iam if account else None,
        scopes=["https://www.googleapis.com/auth/cloud-platform"],
    ).refresh(Request())


def google_account():
    google_federation(names["serviceAccount"])


def azure():
    import msal

    with open(token, encoding="utf-8") as file:
        assertion = file.read().strip()
    msal.ConfidentialClientApplication(
        names["clientID"],
        client_credential={"client_assertion": assertion},
        authority=f"{secure}/{names['tenantID']}",
        instance_discovery=False,
        http_client=session,
    ).acquire_token_for_client(["https://ai.azure.com/.default"])


globals()[sys.argv[6]]()
