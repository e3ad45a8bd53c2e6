variable "external_id" {
  description = "What the exporter must say to enter a member; organization.external_id in its configuration."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@:/-]+$", var.external_id)) && length(var.external_id) >= 2 && length(var.external_id) <= 1224
    error_message = "external_id: allowed are 2 to 1224 letters, digits and any of _+=,.@:/-."
  }
}

variable "runtime" {
  description = "What the exporter runs on, and gets the hub role from: ec2, ecs, eks-pod-identity or irsa."
  type        = string

  validation {
    condition     = contains(["ec2", "ecs", "eks-pod-identity", "irsa"], var.runtime)
    error_message = "runtime: allowed are ec2, ecs, eks-pod-identity and irsa."
  }
}

variable "irsa" {
  description = "With runtime irsa: the cluster's OIDC provider, and the exporter's service account."
  type = object({
    oidc_provider_arn = string
    namespace         = string
    service_account   = string
  })
  default = null
}

variable "organizational_unit_ids" {
  description = "Units whose accounts, with all below them, get the member role by a StackSet; the root (r-...) for all. Empty: no StackSet."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.organizational_unit_ids : can(regex("^(ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}|r-[a-z0-9]{4,32})$", id))])
    error_message = "organizational_unit_ids: allowed are ou-xxxx-xxxxxxxx and r-xxxx."
  }
}

variable "call_as" {
  description = "SELF in the management account, DELEGATED_ADMIN in a delegated administrator account of StackSets."
  type        = string
  default     = "SELF"

  validation {
    condition     = contains(["SELF", "DELEGATED_ADMIN"], var.call_as)
    error_message = "call_as: allowed are SELF and DELEGATED_ADMIN."
  }
}

variable "retain_stacks_on_account_removal" {
  description = "Whether an account that leaves the organization keeps the role."
  type        = bool
  default     = false
}

variable "hub_role_name" {
  description = "Name of the exporter's own role."
  type        = string
  default     = "iam-key-exporter-hub"
}

variable "role_name" {
  description = "Name of the role in each member; organization.role_name in the exporter's configuration."
  type        = string
  default     = "iam-key-exporter"
}

variable "tags" {
  description = "Tags of everything made."
  type        = map(string)
  default     = {}
}
