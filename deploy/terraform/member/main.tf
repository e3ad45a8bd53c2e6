# The role through which the exporter of another account reads the access keys of this one.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.40"
    }
  }
}

variable "hub_role_arn" {
  description = "Role of the exporter; no other may enter."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$", var.hub_role_arn))
    error_message = "hub_role_arn: allowed is the ARN of a role."
  }
}

variable "external_id" {
  description = "What the exporter must say; organization.external_id or accounts.external_id in its configuration."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@:/-]+$", var.external_id)) && length(var.external_id) >= 2 && length(var.external_id) <= 1224
    error_message = "external_id: allowed are 2 to 1224 letters, digits and any of _+=,.@:/-."
  }
}

variable "role_name" {
  description = "Name of the role made here."
  type        = string
  default     = "iam-key-exporter"
}

variable "tags" {
  description = "Tags of the role."
  type        = map(string)
  default     = {}
}

locals {
  hub = regex("^arn:(?P<partition>[^:]+):iam::(?P<account>[0-9]{12}):role/", var.hub_role_arn)

  # The account as the principal, and the role as a condition: a hub role that is made anew goes on working.
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:${local.hub.partition}:iam::${local.hub.account}:root" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "sts:ExternalId" = var.external_id }
        ArnEquals    = { "aws:PrincipalArn" = var.hub_role_arn }
      }
    }]
  })
}

resource "aws_iam_role" "member" {
  name        = var.role_name
  description = "Lets iam-key-exporter read the ages of access keys; it can change nothing."
  tags        = var.tags

  # Credentials of a role that was entered from a role last an hour at most.
  max_session_duration = 3600

  assume_role_policy = local.trust
}

resource "aws_iam_role_policy" "member" {
  name   = "iam-key-exporter"
  role   = aws_iam_role.member.id
  policy = file("${path.module}/../policies/member.json")
}

output "role_arn" {
  description = "For accounts.role_arn, where the account is not found through the organization."
  value       = aws_iam_role.member.arn
}
