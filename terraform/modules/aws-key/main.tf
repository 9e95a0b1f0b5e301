data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

# One key for everything of a sandbox: database, bucket, secrets, logs.
resource "aws_kms_key" "this" {
  description             = "crm2odoo sandbox ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 7
  policy                  = data.aws_iam_policy_document.this.json
}

data "aws_iam_policy_document" "this" {
  #checkov:skip=CKV_AWS_109:A key's policy speaks of this key alone; without the account as its administrator nobody could ever change or delete it
  #checkov:skip=CKV_AWS_111:As above
  #checkov:skip=CKV_AWS_356:As above; in a key's policy, the resource * is the key
  statement {
    sid       = "TheAccountAdministersIt"
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.this.partition}:iam::${data.aws_caller_identity.this.account_id}:root"]
    }
  }
  statement {
    sid       = "LogsAreEncryptedWithIt"
    actions   = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["logs.${var.region}.amazonaws.com"]
    }
    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${data.aws_partition.this.partition}:logs:${var.region}:${data.aws_caller_identity.this.account_id}:log-group:/crm2odoo/${var.name}/*"]
    }
  }
}
