variable "name" {
  description = "Name of everything that is made, of the chart's release and of its objects."
  type        = string
  default     = "freshet"
}

variable "vpc_id" {
  description = "VPC of the cluster, the brokers and the database."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets in three zones, one broker in each."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) == 3
    error_message = "Three subnets: the log has three copies, one in each zone."
  }
}

variable "eks_cluster_name" {
  description = "EKS cluster that is there already, with the Pod Identity agent and the EBS driver."
  type        = string
}

variable "node_security_group_id" {
  description = "Security group of the cluster's nodes, which may connect to the brokers and the database."
  type        = string
}

variable "namespace" {
  description = "Namespace of the release and of its secret."
  type        = string
  default     = "freshet"
}

variable "kafka_version" {
  description = "Version of Kafka that MSK offers in the region: `aws kafka list-kafka-versions`. docs/operations.md says which one is tested."
  type        = string
}

variable "broker_instance_type" {
  description = "Type of each of the three brokers."
  type        = string
  default     = "kafka.m7g.large"
}

variable "broker_volume_size" {
  description = "Disk of each broker in GiB. It has the events of log.keep (24 h), and all since the archive or the store went away."
  type        = number
  default     = 200
}

variable "kafka_secret_arn" {
  description = "Secret in Secrets Manager with the broker's user and password, as MSK wants it: its name begins with AmazonMSK_, and its key is one of your own."
  type        = string
}

variable "database_instance_class" {
  description = "Class of the database for projects and keys. It is asked twice a second by each server and is otherwise idle."
  type        = string
  default     = "db.t4g.small"
}

variable "database_password" {
  description = "Password of the database's user freshet."
  type        = string
  sensitive   = true
  ephemeral   = true
}

variable "image_repository" {
  description = "Where the image is, such as 123456789012.dkr.ecr.eu-central-1.amazonaws.com/freshet."
  type        = string
}

variable "image_tag" {
  description = "Tag of the image."
  type        = string
}

variable "existing_secret" {
  description = "Secret of the namespace with FRESHET_LOG_ADDRESS, FRESHET_PROJECT, PGPASSWORD and FRESHET_STORE_ADDRESS (README.md). Empty: no release yet."
  type        = string
  default     = ""
}

variable "values" {
  description = "More values of the chart as YAML, such as ingress and metrics."
  type        = string
  default     = "{}"
}
