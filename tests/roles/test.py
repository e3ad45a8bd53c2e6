"""The roles that CloudFormation and Terraform make, against the policies that the program prints.

What is compared: the policies, in each partition; the trust, which is for the hub role alone and asks for the
external id. Terraform's own expressions are evaluated by terraform, without the AWS provider, which cannot be
had everywhere: that AWS takes the resources is not proven here.
Usage: test.py
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

ROOT = pathlib.Path(__file__).parent.parent.parent
HUB, MEMBER = (json.loads((ROOT / f"deploy/iam/{side}.json").read_text()) for side in ("hub", "member"))
problems = []


def expect(found, wanted, what):
    if found != wanted:
        problems.append(f"{what}:\n  found  {json.dumps(found)}\n  wanted {json.dumps(wanted)}")


class Template(yaml.SafeLoader):
    """CloudFormation's short forms become what the long ones are."""


def short_form(loader, suffix, node):
    read = {yaml.ScalarNode: loader.construct_scalar, yaml.SequenceNode: lambda n: loader.construct_sequence(n, deep=True)}
    return {f"Fn::{suffix}" if suffix != "Ref" else "Ref": read[type(node)](node)}


Template.add_multi_constructor("!", short_form)


def resolve(value, known):
    """The value as CloudFormation sees it, with these parameters; conditions are taken as true if named so."""
    if isinstance(value, list):
        return [resolve(item, known) for item in value if resolve(item, known) is not None]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        return known.get(value["Ref"])
    if "Fn::Sub" in value:
        return re.sub(r"\$\{([\w:]+)\}", lambda name: known[name[1]], value["Fn::Sub"])
    if "Fn::If" in value:
        condition, then, otherwise = value["Fn::If"]
        return resolve(then if known.get(condition) else otherwise, known)
    if "Fn::FindInMap" in value:
        table, row, column = value["Fn::FindInMap"]
        return known[table][resolve(row, known)][column]
    resolved = {key: resolve(item, known) for key, item in value.items()}
    return {key: item for key, item in resolved.items() if item is not None}


def in_partition(policy, partition):
    return json.loads(json.dumps(policy).replace("arn:aws:", f"arn:{partition}:"))


def trust_of_member(partition, hub):
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:{partition}:iam::111122223333:root"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"sts:ExternalId": "agreed"},
                    "ArnEquals": {"aws:PrincipalArn": f"arn:{partition}:iam::111122223333:role/{hub}"},
                },
            }
        ],
    }


def trust_of_hub(service, actions, condition):
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": actions}
    return {"Version": "2012-10-17", "Statement": [{**statement, **({"Condition": condition} if condition else {})}]}


SERVICES = {
    "ec2": ("ec2.amazonaws.com", ["sts:AssumeRole"], {}),
    "ecs": ("ecs-tasks.amazonaws.com", ["sts:AssumeRole"], {"StringEquals": {"aws:SourceAccount": "111122223333"}}),
    "eks-pod-identity": ("pods.eks.amazonaws.com", ["sts:AssumeRole", "sts:TagSession"], {}),
}


def cloudformation(partition):
    names = {"AWS::Partition": partition, "HubRoleName": "hub", "RoleName": "iam-key-exporter", "ExternalId": "agreed"}
    template = yaml.load((ROOT / "deploy/cloudformation/member.yaml").read_text(), Template)
    role = resolve(template["Resources"]["Role"], {**names, "HubAccountId": "111122223333"})["Properties"]
    expect(role["AssumeRolePolicyDocument"], trust_of_member(partition, "hub"), f"member.yaml, trust in {partition}")
    expect([p["PolicyDocument"] for p in role["Policies"]], [in_partition(MEMBER, partition)], f"member.yaml, policy in {partition}")

    whole = yaml.load((ROOT / "deploy/cloudformation/organization.yaml").read_text(), Template)
    for runtime, service in SERVICES.items():
        known = {**names, "AWS::AccountId": "111122223333", "Runtime": runtime, "Runtimes": whole["Mappings"]["Runtimes"]}
        known |= {"IsPodIdentity": runtime == "eks-pod-identity", "IsEcs": runtime == "ecs", "IsEc2": runtime == "ec2"}
        hub = resolve(whole["Resources"]["HubRole"], known)["Properties"]
        expect(hub["AssumeRolePolicyDocument"], trust_of_hub(*service), f"organization.yaml, trust for {runtime}")
        expect([p["PolicyDocument"] for p in hub["Policies"]], [in_partition(HUB, partition)], f"organization.yaml, policy in {partition}")
    members = whole["Resources"]["Members"]["Properties"]
    handed = {item["ParameterKey"] for item in members["Parameters"]}
    expect(sorted(handed), sorted(template["Parameters"]), "organization.yaml: parameters handed to the members")
    expect(members["PermissionModel"], "SERVICE_MANAGED", "organization.yaml: the StackSet")
    expect(members["AutoDeployment"]["Enabled"], True, "organization.yaml: new accounts")


def evaluate(module, variables, data, outputs):
    """The module's locals, evaluated by terraform; what it would ask AWS for stands in data."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        source = ROOT / "deploy/terraform" / module
        shutil.copytree(ROOT / "deploy/terraform/policies", folder / "policies")
        text = "\n".join(path.read_text() for path in source.glob("*.tf"))
        blocks = re.split(r"\n(?=\w)", "\n" + text)
        code = "\n".join(block for block in blocks if block.lstrip().startswith(("variable", "locals")))
        for name, value in data.items():
            code = code.replace(name, json.dumps(value))
        code += "".join(f'\noutput "{name}" {{\n  value = local.{name}\n}}\n' for name in outputs)
        (folder / "main.tf").write_text(code)
        (folder / "terraform.tfvars.json").write_text(json.dumps(variables))
        environment = {**os.environ, "TF_CLI_CONFIG_FILE": "/dev/null", "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
        for command in (["init", "-no-color"], ["apply", "-no-color", "-auto-approve"], ["output", "-json"]):
            said = subprocess.run(["terraform", *command], cwd=folder, env=environment, capture_output=True, text=True)
            if said.returncode:
                problems.append(f"terraform {command[0]} of {module or 'the module'} with {variables}: {said.stdout}{said.stderr}")
                return None
        return {name: json.loads(output["value"]) for name, output in json.loads(said.stdout).items()}


def terraform(partition):
    data = {"data.aws_partition.current.partition": partition, "data.aws_caller_identity.current.account_id": "111122223333"}
    for runtime, service in SERVICES.items():
        found = evaluate("", {"external_id": "agreed", "runtime": runtime}, data, ["trust", "hub_policy"])
        if found:
            expect(found["trust"], trust_of_hub(*service), f"terraform, trust for {runtime}")
            expect(found["hub_policy"], in_partition(HUB, partition), f"terraform, policy in {partition}")
    issuer = "oidc.eks.eu-central-1.amazonaws.com/id/ABC"
    irsa = {"oidc_provider_arn": f"arn:{partition}:iam::111122223333:oidc-provider/{issuer}", "namespace": "mon", "service_account": "keys"}
    found = evaluate("", {"external_id": "agreed", "runtime": "irsa", "irsa": irsa}, data, ["trust"])
    if found:
        condition = {"StringEquals": {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": "system:serviceaccount:mon:keys"}}
        expect(found["trust"]["Statement"][0]["Condition"], condition, "terraform, trust for irsa")
        expect(found["trust"]["Statement"][0]["Principal"], {"Federated": irsa["oidc_provider_arn"]}, "terraform, trust for irsa")
    hub = f"arn:{partition}:iam::111122223333:role/hub"
    found = evaluate("member", {"external_id": "agreed", "hub_role_arn": hub}, {}, ["trust"])
    if found:
        expect(found["trust"], trust_of_member(partition, "hub"), f"terraform member, trust in {partition}")


def main():
    partitions = ("aws", "aws-us-gov")
    for partition in partitions:
        cloudformation(partition)
    if shutil.which("terraform"):
        terraform("aws-cn")
    else:
        print("terraform: skipped, it is not installed")
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"roles: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
