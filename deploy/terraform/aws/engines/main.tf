# One server in an EKS cluster, whose log is in MSK, whose projects and keys are in RDS and whose archive is in S3. ClickHouse is no service
# of AWS: it is elsewhere, and its address in the secret. The VPC and the EKS cluster are there already.

module "archive" {
  source = "../archive"
  name   = var.name
}

data "aws_iam_policy_document" "pod" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]

    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "server" {
  name_prefix        = "${var.name}-"
  assume_role_policy = data.aws_iam_policy_document.pod.json
}

resource "aws_iam_role_policy" "server" {
  name   = "archive"
  role   = aws_iam_role.server.id
  policy = module.archive.policy
}

resource "aws_eks_pod_identity_association" "server" {
  cluster_name    = var.eks_cluster_name
  namespace       = var.namespace
  service_account = var.name
  role_arn        = aws_iam_role.server.arn
}

resource "helm_release" "freshet" {
  count      = var.existing_secret == "" ? 0 : 1
  depends_on = [aws_eks_pod_identity_association.server]

  name      = var.name
  namespace = var.namespace
  chart     = "${path.module}/../../../helm/freshet"
  # A first start makes the store from what the archive and the log have.
  timeout = 900

  values = [
    var.values,
    yamlencode({
      fullnameOverride = var.name
      image            = { repository = var.image_repository, tag = var.image_tag }
      existingSecret   = var.existing_secret
      config           = { archive = { bucket = module.archive.address } }
    }),
  ]
}
