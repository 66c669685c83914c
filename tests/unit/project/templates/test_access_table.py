"""Who may make which call with the generated documents: one row per call, for both templates.

Columns: caller, action, resource, context, and whether AWS allows the call.
"""

from collections import Counter

import pytest
from generated_documents import ACCOUNT, GeneratedAccess, arn, both, role, secret

SERVICE_LINKED = role("aws-service-role/lakeformation.amazonaws.com/AWSServiceRoleForLakeFormationDataAccess")
# Caller → ARN and policies.
CALLERS = {
    "load": (role("glue/lake/lake-load"), ["role lake-load"]),
    "report": (role("glue/lake/lake-report"), ["role lake-report"]),
    "flow-logs": (role("glue/lake/flow-logs"), ["role flow-logs"]),
    "crawler": (role("glue/lake/lake-raw-crawler"), ["role lake-raw-crawler"]),
    "deployer": (role("deployer"), ["deployer"]),
    "operator": (role("operator"), ["operator"]),
    "analyst": (role("analyst"), []),
    "producer": (role("producer"), []),
    "partner": (role("partner", "999900001111"), "*"),
    "auditor": (role("auditor", "999900001111"), "*"),
    "stranger": (role("stranger", "999900001111"), "*"),
    "lake-formation": (SERVICE_LINKED, []),
    "admin": (role("admin"), "*"),
    "unnamed": (role("unnamed"), []),
    "logs": ("logs.eu-west-1.amazonaws.com", []),
    "events": ("events.amazonaws.com", []),
    "s3-logs": ("logging.s3.amazonaws.com", []),
}
NETWORK = {
    "glue:VpcIds": ("vpc-jobs",),
    "glue:SubnetIds": ("subnet-0",),
    "glue:SecurityGroupIds": ("sg-jobs",),
}
EXISTING_KEYS = {
    "shared": "1234abcd-12ab-34cd-56ef-1234567890ab",
    "evidence": "0000e71d-12ab-34cd-56ef-1234567890ab",
    "columns": "0000c01d-12ab-34cd-56ef-1234567890ab",
    "central": "0000ce47-12ab-34cd-56ef-1234567890ab",
}
ROWS = """
# Objects under the data key.
load           kms:GenerateDataKey    key:data                     via:s3 s3:acme-lake-curated        yes
load           kms:Decrypt            key:data                     via:s3 s3:acme-lake-raw/a          yes
load           kms:Decrypt            key:data                     -                                  no
load           kms:Decrypt            key:data                     purpose:probe                      yes
load           kms:GenerateDataKey    key:data                     purpose:probe                      yes
load           kms:Decrypt            key:data                     via:dynamodb                       no
load           kms:DescribeKey        key:data                     -                                  yes
load           kms:PutKeyPolicy       key:data                     -                                  no
load           kms:ScheduleKeyDeletion key:data                     -                                  no
report         kms:Decrypt            key:data                     via:s3 s3:acme-lake-curated        yes
unnamed        kms:Decrypt            key:data                     via:s3 s3:acme-lake-curated        no
admin          kms:Decrypt            key:data                     via:s3 s3:acme-lake-curated        no
admin          kms:PutKeyPolicy       key:data                     -                                  yes
admin          kms:Decrypt            key:data                     -                                  no
stranger       kms:Decrypt            key:data                     via:s3 s3:acme-lake-curated        no
stranger       kms:DescribeKey        key:data                     -                                  no
stranger       kms:PutKeyPolicy       key:data                     -                                  no
# Secrets: whoever makes the stack, or sets a password with permissions for KMS.
admin          kms:GenerateDataKey    key:data via:secretsmanager secret:lake/orders-db yes
admin          kms:Decrypt            key:data via:secretsmanager secret:lake/orders-db yes
admin          kms:Decrypt            key:data                     via:secretsmanager secret:lake/other no
admin          kms:Decrypt            key:data                     secret:lake/orders-db              no
unnamed        kms:GenerateDataKey    key:data                     via:secretsmanager secret:lake/orders-db no
stranger       kms:GenerateDataKey    key:data                     via:secretsmanager secret:lake/orders-db no
load           kms:Decrypt            key:data via:secretsmanager secret:lake/orders-db yes
load           secretsmanager:GetSecretValue secret:lake/orders-db - yes
report         secretsmanager:GetSecretValue secret:lake/orders-db - no
load           secretsmanager:PutSecretValue secret:lake/orders-db - no
deployer       secretsmanager:GetSecretValue secret:lake/orders-db - no
operator       secretsmanager:GetSecretValue secret:lake/orders-db - no
# Analysts, partners and Lake Formation read curated data and nothing else.
analyst        s3:GetObject           s3:acme-lake-curated/orders/a -                                  yes
analyst        s3:ListBucket          s3:acme-lake-curated         -                                  yes
analyst        kms:Decrypt            key:data                     via:s3 s3:acme-lake-curated        yes
analyst        kms:Decrypt            key:data                     via:s3 s3:acme-lake-curated/orders/a yes
analyst        kms:Decrypt            key:data                     via:s3 s3:acme-lake-raw            no
analyst        kms:Decrypt            key:data                     via:s3 s3:acme-lake-evidence       no
analyst        kms:Decrypt            key:data                     -                                  no
analyst        kms:GenerateDataKey    key:data                     via:s3 s3:acme-lake-curated        no
analyst        s3:GetObject           s3:acme-lake-raw/a           -                                  no
analyst        s3:PutObject           s3:acme-lake-curated/orders/a -                                  no
analyst        s3:DeleteObject        s3:acme-lake-curated/orders/a -                                  no
analyst        s3:GetObject           s3:acme-lake-curated/orders/a http                               no
analyst        kms:Decrypt            key:bookmarks                via:s3 s3:acme-lake-evidence       no
partner        s3:GetObject           s3:acme-lake-curated/orders/a -                                  yes
partner        kms:Decrypt            key:data                     via:s3 s3:acme-lake-curated        yes
partner        s3:GetObject           s3:acme-lake-raw/a           -                                  no
partner        kms:Decrypt            key:data                     via:s3 s3:acme-lake-raw            no
stranger       s3:GetObject           s3:acme-lake-curated/orders/a -                                  no
unnamed        s3:GetObject           s3:acme-lake-curated/orders/a -                                  no
lake-formation kms:Decrypt            key:data                     via:s3 s3:acme-lake-curated        yes
lake-formation kms:GenerateDataKey    key:data                     via:s3 s3:acme-lake-curated        yes
lake-formation kms:Decrypt            key:data                     via:s3 s3:acme-lake-raw            no
lake-formation s3:GetObject           s3:acme-lake-curated/orders/a -                                  yes
lake-formation s3:GetObject           evidence:load/run=1/e        -                                  no
# Producers land raw data.
producer       s3:PutObject           s3:acme-lake-raw/a           -                                  yes
producer       s3:PutObject           s3:acme-lake-raw/a           sse key:data                       yes
producer       s3:PutObject           s3:acme-lake-raw/a           sse key:other                      no
producer       s3:PutObject           s3:acme-lake-raw/a           sse                                no
producer       s3:PutObject           s3:acme-lake-raw/a           aes                                no
producer       s3:PutObject           s3:acme-lake-raw/a           http                               no
producer       s3:AbortMultipartUpload s3:acme-lake-raw/a           -                                  yes
producer       s3:GetObject           s3:acme-lake-raw/a           -                                  no
producer       s3:DeleteObject        s3:acme-lake-raw/a           -                                  no
producer       s3:PutObject           s3:acme-lake-curated/a       -                                  no
producer       kms:GenerateDataKey    key:data                     via:s3 s3:acme-lake-raw            yes
producer       kms:Decrypt            key:data                     via:s3 s3:acme-lake-raw            yes
producer       kms:GenerateDataKey    key:data                     via:s3 s3:acme-lake-curated        no
producer       kms:GenerateDataKey    key:data                     -                                  no
# A job's data.
load           s3:GetObject           s3:acme-lake-raw/a           -                                  yes
load           s3:PutObject           s3:acme-lake-raw/a           -                                  no
load           s3:GetObject           s3:acme-shared/a             -                                  yes
load           kms:Decrypt            key:shared                   via:s3                             yes
load           kms:Decrypt            key:shared                   -                                  no
load           kms:GenerateDataKey    key:shared                   via:s3                             no
report         kms:Decrypt            key:shared                   via:s3                             no
load           s3:PutObject           s3:acme-lake-curated/a       sse key:data                       yes
load           s3:PutObject           s3:acme-lake-curated/a       sse key:other                      no
load           s3:DeleteObject        s3:acme-lake-curated/a       -                                  yes
load           s3:AbortMultipartUpload s3:acme-lake-curated/a       -                                  yes
load           s3:DeleteObjectVersion s3:acme-lake-curated/a       -                                  no
load           s3:PutBucketPolicy     s3:acme-lake-curated         -                                  no
load           s3:GetObject           s3:acme-lake-artifacts/scripts/load.py - yes
load           s3:PutObject           s3:acme-lake-artifacts/scripts/load.py - no
load           s3:GetObject           s3:acme-lake-artifacts/policies/columns.toml - yes
load           s3:GetObject           s3:acme-lake-artifacts/suites/orders.json - yes
load           s3:GetObject           s3:acme-lake-artifacts/suites/other.json - no
load           s3:PutObject           s3:acme-lake-artifacts/temporary/load/x - yes
load           s3:PutObject           s3:acme-lake-artifacts/temporary/report/x - no
report         s3:GetObject           s3:acme-lake-curated/a       -                                  yes
report         s3:PutObject           s3:acme-lake-curated/a       -                                  no
report         s3:GetObject           s3:acme-lake-raw/a           -                                  no
report         s3:GetObject           s3:acme-shared/a             -                                  no
report         s3:GetObject           s3:acme-lake-artifacts/policies/columns.toml - no
# A bucket under a key of another account, and a bucket with SSE-S3.
load           s3:PutObject           s3:acme-lake-central/a       sse key:central                    yes
load           s3:PutObject           s3:acme-lake-central/a       sse key:data                       no
load           s3:PutObject           s3:acme-lake-central/a       aes                                no
load           s3:PutObject           s3:acme-lake-open/a          aes                                yes
load           s3:PutObject           s3:acme-lake-open/a          sse key:data                       yes
load           s3:PutObject           s3:acme-lake-open/a          sse key:other                      no
load           s3:PutObject           s3:acme-lake-curated/a       aes                                no
# From another network, a job's code gets no data, but Glue fetches the script.
load           s3:GetObject           s3:acme-lake-raw/b inside endpoint:s3  yes
load           s3:GetObject           s3:acme-lake-raw/b code vpc-source:vpc-other endpoint:s3 direct no
load           s3:GetObject           s3:acme-lake-raw/b inside endpoint:other no
load           s3:GetObject           s3:acme-lake-raw/b           code vpc-source:vpc-jobs direct    no
load           secretsmanager:GetSecretValue secret:lake/orders-db inside endpoint:secretsmanager yes
load           kms:Decrypt            key:data inside endpoint:kms purpose:probe yes
load           dynamodb:GetItem       dynamodb:marks                     inside endpoint:dynamodb yes
load           glue:GetTable          table:curated/orders         inside endpoint:other yes
load           s3:GetObject           s3:acme-lake-raw/b           code direct                        no
load           s3:GetObject           s3:acme-lake-raw/b           direct                             yes
load           kms:Decrypt            key:data                     code via:s3 on-behalf s3:acme-lake-raw yes
load           kms:Decrypt            key:data                     code direct purpose:probe          no
load           secretsmanager:GetSecretValue secret:lake/orders-db code direct                        no
load           logs:PutLogEvents      log:/aws-glue/jobs/error-lake-strict:log-stream:b code direct   yes
# EventBridge publishes to the topic under its own key. No principal of the project may.
events         sns:Publish            topic:lake-alerts            -                                  yes
events         sns:Publish            topic:lake-alerts            http                               no
events         sns:Subscribe          topic:lake-alerts            -                                  no
events         kms:GenerateDataKey    key:alerts                   -                                  yes
events         kms:Decrypt            key:alerts                   -                                  yes
events         kms:Decrypt            key:data                     -                                  no
load           sns:Publish            topic:lake-alerts            -                                  no
load           kms:Decrypt            key:alerts                   -                                  no
operator       kms:Decrypt            key:alerts                   -                                  no
admin          kms:Decrypt            key:alerts                   -                                  no
admin          kms:PutKeyPolicy       key:alerts                   -                                  yes
stranger       sns:Publish            topic:lake-alerts            -                                  no
# A crawler reads its buckets and writes tables of its database.
crawler        s3:GetObject           s3:acme-lake-raw/a           -                                  yes
crawler        s3:GetObject           s3:acme-shared/a             -                                  yes
crawler        s3:GetObject           s3:acme-lake-curated/a       -                                  no
crawler        s3:PutObject           s3:acme-lake-raw/a           -                                  no
crawler        kms:Decrypt            key:data                     via:s3 s3:acme-lake-raw            yes
crawler        kms:Decrypt            key:data                     via:s3 s3:acme-lake-curated        no
crawler        kms:GenerateDataKey    key:data                     via:s3 s3:acme-lake-raw            no
crawler        kms:Decrypt            key:shared                   via:s3                             yes
crawler        kms:Decrypt            key:catalog                  via:glue                           yes
crawler        kms:Decrypt            key:bookmarks                -                                  no
crawler        glue:CreateTable       table:raw/orders             -                                  yes
crawler        glue:UpdateTable       table:curated/orders         -                                  no
crawler        glue:DeleteTable       table:raw/orders             -                                  no
crawler logs:PutLogEvents log:/aws-glue/crawlers-role/lake-raw-crawler-lake-strict:log-stream:a - yes
crawler        logs:PutLogEvents      log:/aws-glue/crawlers:log-stream:a -                           no
logs           kms:Decrypt            key:logs group:/aws-glue/crawlers-role/lake-raw-crawler-lake-strict yes
# Evidence: own prefix, no replacement, no deletion by anyone.
load           s3:PutObject           evidence:load/run=1/e        none-match creates                 yes
load           s3:PutObject           evidence:load/_chain/x       none-match creates                 yes
load           s3:PutObject           evidence:load/run=1/e        creates                            no
load           s3:PutObject           evidence:load/run=1/e        none-match creates sse key:data    yes
load           s3:PutObject           evidence:load/run=1/e        none-match creates sse key:other   no
load           s3:PutObject           evidence:report/run=1/e      none-match creates                 no
load           s3:PutObject           evidence:load2/run=1/e       none-match creates                 no
load           s3:GetObject           evidence:load/_chain/x       -                                  yes
load           s3:GetObject           evidence:report/run=1/e      -                                  no
load           s3:DeleteObject        evidence:load/run=1/e        -                                  no
load           s3:DeleteObjectVersion evidence:load/run=1/e        -                                  no
admin          s3:DeleteObject        evidence:load/run=1/e        -                                  no
admin          s3:DeleteObjectVersion evidence:load/run=1/e        -                                  no
admin          s3:PutObject           evidence:load/run=1/e        creates                            no
admin          s3:PutObject           evidence:load/run=1/e        -                                  yes
admin          s3:GetObject           evidence:load/run=1/e        -                                  yes
operator       s3:GetObject           evidence:load/run=1/e        -                                  yes
operator       s3:DeleteObject        evidence:load/run=1/e        -                                  no
operator       s3:PutObject           evidence:load/run=1/e        none-match creates                 no
deployer       s3:GetObject           evidence:load/run=1/e        -                                  yes
deployer       s3:PutObject           evidence:load/run=1/e        none-match creates                 no
auditor        s3:GetObject           evidence:load/run=1/e        -                                  yes
auditor        s3:ListBucket          s3:acme-lake-evidence        -                                  yes
auditor        s3:PutObject           evidence:load/run=1/e        none-match creates                 no
auditor        kms:Decrypt            key:data                     via:s3 s3:acme-lake-evidence       yes
auditor        kms:Decrypt            key:data                     via:s3 s3:acme-lake-curated        no
auditor        s3:GetObject           s3:acme-lake-curated/a       -                                  no
load           kms:GenerateDataKey    key:evidence                 via:s3                             yes
load           kms:Decrypt            key:evidence                 via:s3                             no
load           s3:PutObject           evidence:load/run=1/e        none-match creates sse key:evidence yes
# Signatures: one key per job.
load           kms:Sign               key:evidence-load            ecdsa                              yes
load           kms:Sign               key:evidence-load            -                                  no
load           kms:DescribeKey        key:evidence-load            -                                  yes
load           kms:Sign               key:evidence-report          ecdsa                              no
report         kms:Sign               key:evidence-load            ecdsa                              no
report         kms:Sign               key:evidence-report          ecdsa                              yes
admin          kms:Sign               key:evidence-load            ecdsa                              no
operator       kms:Sign               key:evidence-load            ecdsa                              no
deployer       kms:Sign               key:evidence-load            ecdsa                              no
auditor        kms:GetPublicKey       key:evidence-load            -                                  yes
auditor        kms:Sign               key:evidence-load            ecdsa                              no
admin          kms:GetPublicKey       key:evidence-load            -                                  yes
unnamed        kms:GetPublicKey       key:evidence-load            -                                  no
stranger       kms:GetPublicKey       key:evidence-load            -                                  no
# Bookmarks: own prefix and own encryption context.
load           kms:GenerateDataKey    key:bookmarks                purpose:job-bookmark job:load      yes
load           kms:Decrypt            key:bookmarks                purpose:job-bookmark job:load      yes
load           kms:Decrypt            key:bookmarks                purpose:job-bookmark job:report    no
load           kms:Decrypt            key:bookmarks                purpose:job-bookmark               no
load           kms:Decrypt            key:bookmarks                job:load                           no
load           kms:Decrypt            key:bookmarks                -                                  no
load           kms:Decrypt            key:bookmarks                purpose:probe                      yes
load           kms:GenerateDataKey    key:bookmarks                via:s3 s3:acme-lake-evidence       yes
load           kms:Decrypt            key:bookmarks via:s3 s3:acme-lake-evidence/bookmarks/a yes
load           kms:Decrypt            key:bookmarks                via:s3 s3:acme-lake-curated        no
load           kms:DescribeKey        key:bookmarks                -                                  yes
report         kms:Decrypt            key:bookmarks                -                                  yes
report         kms:Decrypt            key:bookmarks                purpose:job-bookmark job:report    yes
report         kms:Decrypt            key:bookmarks                purpose:job-bookmark job:load      no
report         kms:GenerateDataKey    key:bookmarks                job:load                           no
load           s3:GetObject           bookmark:load/current        -                                  yes
load           s3:PutObject           bookmark:load/current        sse key:bookmarks                  yes
load           s3:PutObject           bookmark:load/current        sse key:other                      no
load           s3:DeleteObject        bookmark:load/current        -                                  no
load           s3:GetObject           bookmark:report/current      -                                  no
load           s3:PutObject           bookmark:report/current      -                                  no
load           s3:GetObject           bookmark:load2/current       -                                  no
operator       kms:Decrypt            key:bookmarks                purpose:job-bookmark job:load      yes
operator       kms:GenerateDataKey    key:bookmarks                purpose:job-bookmark job:report    yes
operator       kms:Decrypt            key:bookmarks                via:s3 s3:acme-lake-evidence       yes
operator       kms:Decrypt            key:bookmarks                -                                  no
operator       kms:PutKeyPolicy       key:bookmarks                -                                  no
operator       s3:GetObject           bookmark:load/current        -                                  yes
operator       s3:PutObject           bookmark:load/current        -                                  yes
analyst        kms:Decrypt            key:bookmarks                purpose:job-bookmark job:load      no
admin          kms:Decrypt            key:bookmarks                purpose:job-bookmark job:load      no
# Operators replace objects.
operator       s3:PutObject           s3:acme-lake-curated/a       sse key:data                       yes
operator       s3:GetObjectTagging    s3:acme-lake-curated/a       -                                  yes
operator       kms:GenerateDataKey    key:data                     via:s3 s3:acme-lake-curated        yes
operator       kms:Decrypt            key:data                     via:s3 s3:acme-lake-evidence       yes
operator       kms:Decrypt            key:data                     -                                  no
operator       kms:DescribeKey        key:data                     -                                  yes
operator       s3:DeleteObject        s3:acme-lake-curated/a       -                                  no
operator       s3:PutObject           s3:acme-lake-artifacts/scripts/load.py - no
operator       glue:GetJob            job:load                     -                                  yes
operator       glue:StartJobRun       job:load                     -                                  no
operator       glue:UpdateJob         job:load                     -                                  no
# Tables and connections.
load           glue:GetTable          table:curated/orders         -                                  yes
load           glue:GetPartitions     table:curated/orders         -                                  yes
load           glue:UpdateTable       table:curated/orders         -                                  yes
load           glue:BatchCreatePartition table:curated/orders         -                                  yes
load           glue:DeleteTable       table:curated/orders         -                                  no
load           glue:GetTable          table:curated/other          -                                  no
# What job.write.table and job.write.merge call: tables and partitions of files, the commits of table formats,
# and the removal of objects that a failed write has left.
load           glue:CreateTable       table:curated/orders         -                                  yes
load           glue:CreateTable       database:curated             -                                  yes
load           glue:BatchDeletePartition table:curated/orders      -                                  yes
load           glue:CreateDatabase    database:curated             -                                  no
load           glue:BatchCreatePartition table:curated/other       -                                  no
report         glue:CreateTable       table:curated/orders         -                                  no
load           s3:PutObject           s3:acme-lake-curated/orders/metadata/v2.json sse key:data       yes
load           s3:PutObject           s3:acme-lake-curated/orders/_delta_log/1.json sse key:data      yes
load           s3:DeleteObject        s3:acme-lake-curated/orders/data/a.parquet -                    yes
load           s3:ListBucket          s3:acme-lake-curated         -                                  yes
# Spark SQL with the Data Catalog as its metastore, which load has and report has not.
load           glue:GetDatabase       database:default             -                                  yes
load           glue:GetDatabase       database:global_temp         -                                  yes
load           glue:GetDatabase       database:delta               -                                  yes
load           glue:GetDatabase       database:curated             -                                  yes
load           glue:GetDatabase       catalog                      -                                  yes
load           glue:GetDatabase       database:raw                 -                                  no
load           glue:GetPartition      table:curated/orders         -                                  yes
load           glue:GetPartition      table:curated/other          -                                  no
load           glue:CreateDatabase    database:default             -                                  no
report         glue:GetDatabase       database:default             -                                  no
load           glue:GetTable          catalog                      -                                  yes
load           glue:GetTable          database:curated             -                                  yes
report         glue:GetTable          table:curated/orders         -                                  yes
report         glue:UpdateTable       table:curated/orders         -                                  no
load           glue:GetConnection     connection:orders-db         -                                  yes
report         glue:GetConnection     connection:orders-db         -                                  no
report         glue:GetConnection     connection:lake-network      -                                  yes
load           glue:GetDataCatalogEncryptionSettings catalog - yes
load           glue:PutDataCatalogEncryptionSettings catalog - no
load           kms:Decrypt            key:catalog                  via:glue                           yes
admin          kms:Decrypt            key:catalog                  via:glue                           yes
unnamed        kms:Decrypt            key:catalog                  via:glue                           no
load           glue:GetJobRun         job:load                     -                                  yes
load           glue:GetJob            job:report                   -                                  no
load           glue:UpdateJob         job:load                     -                                  no
load           glue:StartJobRun       job:load                     -                                  no
load           iam:PassRole           role:glue/lake/lake-load - no
# High-water marks and column policies.
load           dynamodb:GetItem       dynamodb:marks               -                                  yes
load           dynamodb:UpdateItem    dynamodb:marks               -                                  yes
load           dynamodb:DeleteItem    dynamodb:marks               -                                  no
load           kms:Decrypt            key:columns                  policy:customers                   yes
load           kms:Decrypt            key:columns                  policy:other                       no
report         dynamodb:GetItem       dynamodb:marks               -                                  no
# Log groups of every naming, and no other configuration that begins alike.
load           logs:PutLogEvents      log:/aws-glue/jobs/error-lake-strict:log-stream:a - yes
load           logs:PutLogEvents      log:/aws-glue/jobs/output-lake-strict:log-stream:a - yes
load           logs:PutLogEvents      log:/aws-glue/jobs/logs-v2-lake-strict:log-stream:a - yes
load           logs:PutLogEvents      log:/aws-glue/jobs/lake-strict-role/lake-load/error:log-stream:a - yes
load           logs:CreateLogStream   log:/aws-glue/jobs/error-lake-strict - yes
load           logs:AssociateKmsKey   log:/aws-glue/jobs/error-lake-strict - yes
load           logs:CreateLogGroup    log:/aws-glue/jobs/lake-strict-role/lake-load/output - yes
load           logs:PutLogEvents      log:/aws-glue/jobs/error-lake-strict2:log-stream:a - no
load           logs:PutLogEvents      log:/aws-glue/jobs/logs-v2-lake-strict-other:log-stream:a - no
load           logs:PutLogEvents      log:/aws-glue/jobs/lake-strict-role/lake-report/error:log-stream:a - no
load           logs:PutLogEvents      log:/aws-glue/jobs/lake-strict-role/lake-load2/error:log-stream:a - no
report         logs:PutLogEvents      log:/lake/report/error:log-stream:a - yes
report         logs:PutLogEvents      log:/lake/report/error-lake-strict:log-stream:a - yes
report         logs:PutLogEvents      log:/aws-glue/jobs/error-lake-strict:log-stream:a - no
logs           kms:GenerateDataKey    key:logs                     group:/aws-glue/jobs/error-lake-strict yes
logs           kms:Decrypt            key:logs group:/aws-glue/jobs/lake-strict-role/lake-load/error yes
logs           kms:Decrypt            key:logs                     group:/lake/report/output-lake-strict yes
logs           kms:Decrypt            key:logs                     group:/aws-glue/jobs/error-lake-strict2 no
logs           kms:Decrypt            key:logs                     group:/aws-glue/jobs/error         no
logs           kms:Decrypt            key:logs                     -                                  no
logs           kms:Decrypt            key:data                     group:/aws-glue/jobs/error-lake-strict no
load           kms:Decrypt            key:logs                     -                                  no
load           kms:DescribeKey        key:logs                     -                                  yes
s3-logs        s3:PutObject           s3:access-logs/raw/a         source:acme-lake-raw               yes
s3-logs        s3:PutObject           s3:access-logs/raw/a         source:acme-shared                 no
# The deployer.
deployer       glue:CreateJob         job:load                     network                            yes
deployer       glue:UpdateJob         job:report                   network                            yes
deployer       glue:CreateJob         job:load                     -                                  no
deployer       glue:CreateJob         job:load                     network vpc:vpc-other              no
deployer       glue:CreateJob         job:other                    network                            no
deployer       glue:StartJobRun       job:load                     -                                  yes
deployer       glue:StartJobRun       job:other                    -                                  no
deployer       iam:PassRole           role:glue/lake/lake-load to:glue.amazonaws.com yes
deployer       iam:PassRole           role:glue/lake/lake-load to:ec2.amazonaws.com no
deployer       iam:PassRole           role:admin                   to:glue.amazonaws.com              no
deployer       s3:PutObject           s3:acme-lake-artifacts/scripts/load.py sse key:data yes
deployer       s3:PutObject           s3:acme-lake-artifacts/scripts/load.py aes no
deployer       kms:GenerateDataKey    key:data                     via:s3 s3:acme-lake-artifacts      yes
deployer       kms:Decrypt            key:data                     via:s3 s3:acme-lake-evidence       yes
deployer       kms:GenerateDataKey    key:data                     via:s3 s3:acme-lake-curated        no
deployer       kms:DescribeKey        key:logs                     -                                  yes
deployer       kms:DescribeKey        key:bookmarks                -                                  yes
deployer       s3:GetObject           s3:acme-lake-curated/a       -                                  no
deployer       logs:FilterLogEvents   log:/aws-glue/jobs/lake-strict-role/lake-load/error - yes
deployer       logs:FilterLogEvents   log:/aws-glue/jobs/error-lake-strict - yes
deployer       logs:FilterLogEvents   log:/other                   -                                  no
deployer       glue:CreateSession     job:load                     -                                  no
deployer       glue:TagResource       job:load                     -                                  yes
deployer       glue:TagResource       job:other                    -                                  no
logs           kms:Decrypt            key:logs                     group:/glue-secure/lake/flow-logs  yes
flow-logs      logs:PutLogEvents      log:/glue-secure/lake/flow-logs:log-stream:a -                  yes
flow-logs      logs:PutLogEvents      log:/aws-glue/jobs/error-lake-strict:log-stream:a -             no
"""


def rows():
    for line in ROWS.strip().splitlines():
        if not line.startswith("#"):
            caller, action, resource, *context, expected = line.split()
            yield pytest.param(caller, action, resource, context, expected, id=" ".join(line.split()))


@pytest.fixture(scope="module")
def accesses(projects):
    return {kind: GeneratedAccess(documents) for kind, documents in both(projects["full"]).items()}


def resource_arn(text):
    kind, _, name = text.partition(":")
    account = "999900001111" if name == "central" else ACCOUNT
    return {
        "key": lambda: arn("kms", f"key/{EXISTING_KEYS.get(name, f'lake-{name}')}", account),
        "evidence": lambda: f"arn:aws:s3:::acme-lake-evidence/evidence/job={name}",
        "bookmark": lambda: f"arn:aws:s3:::acme-lake-evidence/bookmarks/{ACCOUNT}/eu-west-1/{name}",
        "s3": lambda: f"arn:aws:s3:::{name}",
        "secret": lambda: secret(name),
        "job": lambda: arn("glue", f"job/{name}"),
        "table": lambda: arn("glue", f"table/{name}"),
        "database": lambda: arn("glue", f"database/{name}"),
        "catalog": lambda: arn("glue", "catalog"),
        "connection": lambda: arn("glue", f"connection/{name}"),
        "topic": lambda: arn("sns", name),
        "dynamodb": lambda: arn("dynamodb", f"table/{name}"),
        "log": lambda: arn("logs", f"log-group:{name}"),
        "role": lambda: role(name),
    }[kind]()


def context_of(words):
    context = {}
    for word in words:
        kind, _, value = word.partition(":")
        context |= {
            "-": {},
            "via": {"kms:ViaService": (f"{value}.eu-west-1.amazonaws.com",)},
            "s3": {"kms:EncryptionContext:aws:s3:arn": (f"arn:aws:s3:::{value}",)},
            "secret": {"kms:EncryptionContext:SecretARN": (secret(value),)},
            "group": {"kms:EncryptionContext:aws:logs:arn": (arn("logs", f"log-group:{value}"),)},
            "purpose": {"kms:EncryptionContext:glue-secure:purpose": (value,)},
            "job": {"kms:EncryptionContext:glue-secure:job": (value,)},
            "policy": {"kms:EncryptionContext:glue-secure:policy": (value,)},
            "ecdsa": {"kms:SigningAlgorithm": ("ECDSA_SHA_256",)},
            "sse": {"s3:x-amz-server-side-encryption": ("aws:kms",)},
            "aes": {"s3:x-amz-server-side-encryption": ("AES256",)},
            "key": {"s3:x-amz-server-side-encryption-aws-kms-key-id": (resource_arn(f"key:{value}"),)},
            "creates": {"s3:ObjectCreationOperation": ("true",)},
            "code": {"glue:CredentialIssuingService": ("glue.amazonaws.com",)},
            "vpc-source": {"aws:SourceVpc": (value,)},
            "inside": {
                "glue:CredentialIssuingService": ("glue.amazonaws.com",),
                "aws:SourceVpc": ("vpc-jobs",),
                "aws:ViaAWSService": ("false",),
            },
            "endpoint": {"aws:SourceVpce": (f"vpce-{value}",)},
            "direct": {"aws:ViaAWSService": ("false",)},
            "on-behalf": {"aws:ViaAWSService": ("true",)},
            "none-match": {"s3:if-none-match": ("*",)},
            "http": {"aws:SecureTransport": ("false",)},
            "source": {"aws:SourceArn": (f"arn:aws:s3:::{value}",), "aws:SourceAccount": (ACCOUNT,)},
            "network": NETWORK,
            "vpc": {"glue:VpcIds": ("vpc-jobs", value)},
            "to": {"iam:PassedToService": (value,)},
        }[kind]
    return context


@pytest.mark.parametrize(("caller", "action", "resource", "context", "expected"), [*rows()])
def test_a_call_is_decided_as_the_table_says(accesses, caller, action, resource, context, expected):
    name, identity = CALLERS[caller]
    for kind, access in accesses.items():
        allowed = access.allows(name, identity, action, resource_arn(resource), context_of(context))
        assert allowed == (expected == "yes"), kind


def test_the_table_has_each_call_once():
    calls = Counter(row.id.rpartition(" ")[0] for row in rows())
    assert [call for call, number in calls.items() if number > 1] == []


def test_both_templates_generate_the_same_statements(projects, name):
    documents = both(projects[name])
    assert documents["cloudformation"] == documents["terraform"]
    assert len(documents["terraform"]) >= 6
