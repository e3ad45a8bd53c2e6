# The exporter's own role in this account and, by a StackSet, a role in every member account of the organization,
# new ones included. StackSets never reach the management account: where the exporter runs elsewhere, use the
# module in member/ there.

data "aws_partition" "current" {}
data "aws_caller_identity" "current" {}
data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id

  # Printed by `iam-key-exporter policy`, for the partition aws and the default name of the role.
  hub_policy = replace(
    file("${path.module}/policies/hub.json"),
    "arn:aws:iam::*:role/iam-key-exporter",
    "arn:${local.partition}:iam::*:role/${var.role_name}",
  )

  services = {
    ec2              = "ec2.amazonaws.com"
    ecs              = "ecs-tasks.amazonaws.com"
    eks-pod-identity = "pods.eks.amazonaws.com"
  }
  oidc_issuer = var.irsa == null ? "" : replace(var.irsa.oidc_provider_arn, "/^.*:oidc-provider\\//", "")

  # ECS says for whose account it asks; EC2 and EKS give the role only where iam:PassRole allowed it.
  conditions_of_service = {
    for key in ["Condition"] : key => { StringEquals = { "aws:SourceAccount" = local.account } } if var.runtime == "ecs"
  }
  trust_of_service = merge({
    Effect    = "Allow"
    Principal = { Service = lookup(local.services, var.runtime, "") }
    Action    = concat(["sts:AssumeRole"], [for action in ["sts:TagSession"] : action if var.runtime == "eks-pod-identity"])
  }, local.conditions_of_service)
  trust_of_service_account = {
    Effect    = "Allow"
    Principal = { Federated = try(var.irsa.oidc_provider_arn, "") }
    Action    = ["sts:AssumeRoleWithWebIdentity"]
    Condition = {
      StringEquals = {
        "${local.oidc_issuer}:aud" = "sts.amazonaws.com"
        "${local.oidc_issuer}:sub" = "system:serviceaccount:${try(var.irsa.namespace, "")}:${try(var.irsa.service_account, "")}"
      }
    }
  }

  # Two documents and not one list: the two have no common type.
  trust = var.runtime == "irsa" ? jsonencode({
    Version   = "2012-10-17"
    Statement = [local.trust_of_service_account]
    }) : jsonencode({
    Version   = "2012-10-17"
    Statement = [local.trust_of_service]
  })
}

resource "aws_iam_role" "hub" {
  name        = var.hub_role_name
  description = "iam-key-exporter itself; it reads, lists the organization and enters the members' roles."
  tags        = var.tags

  assume_role_policy = local.trust

  lifecycle {
    precondition {
      condition     = var.runtime != "irsa" || var.irsa != null
      error_message = "runtime irsa needs irsa: oidc_provider_arn, namespace and service_account."
    }
  }
}

resource "aws_iam_role_policy" "hub" {
  name   = "iam-key-exporter"
  role   = aws_iam_role.hub.id
  policy = local.hub_policy
}

resource "aws_iam_instance_profile" "hub" {
  count = var.runtime == "ec2" ? 1 : 0

  name = var.hub_role_name
  role = aws_iam_role.hub.name
  tags = var.tags
}

resource "aws_cloudformation_stack_set" "members" {
  count = length(var.organizational_unit_ids) > 0 ? 1 : 0

  name             = "iam-key-exporter-members"
  description      = "The role through which iam-key-exporter reads a member account."
  permission_model = "SERVICE_MANAGED"
  call_as          = var.call_as
  capabilities     = ["CAPABILITY_NAMED_IAM"]
  template_body    = file("${path.module}/member.yaml")
  tags             = var.tags

  parameters = {
    HubAccountId = local.account
    HubRoleName  = aws_iam_role.hub.name
    RoleName     = var.role_name
    ExternalId   = var.external_id
  }

  auto_deployment {
    enabled                          = true
    retain_stacks_on_account_removal = var.retain_stacks_on_account_removal
  }

  operation_preferences {
    # An account that refuses must not keep the others from getting the role.
    failure_tolerance_percentage = 100
    max_concurrent_percentage    = 100
  }

  lifecycle {
    # AWS puts the role of StackSets here, which is not ours to set.
    ignore_changes = [administration_role_arn]
  }
}

resource "aws_cloudformation_stack_set_instance" "members" {
  count = length(var.organizational_unit_ids) > 0 ? 1 : 0

  stack_set_name = aws_cloudformation_stack_set.members[0].name
  region         = data.aws_region.current.name
  call_as        = var.call_as

  deployment_targets {
    organizational_unit_ids = var.organizational_unit_ids
  }
}
