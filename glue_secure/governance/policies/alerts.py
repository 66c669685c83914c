"""Alerts about changes: the topic's key and policy.

EventBridge publishes to a topic under the topic's own policy, without a role, and needs the topic's key:
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html

AWS does not document that requests of a rule to an encrypted topic have ``aws:SourceArn`` or
``aws:SourceAccount``. A condition on them could silently stop the alerts, so there is none. The key is
therefore for the topic alone.
"""

from __future__ import annotations

from glue_secure.core.policy_documents import ANY_PRINCIPAL, Policy, PolicyCondition, Principal, Statement
from glue_secure.governance.policies.documents import PolicyScope
from glue_secure.governance.policies.keys import administration

_EVENTS = Principal("Service", ("events.amazonaws.com",))


def alerts_key(scope: PolicyScope) -> Policy:
    """Return the policy of the key of the topic: use by EventBridge."""
    use = ("kms:Decrypt", "kms:GenerateDataKey*")
    return Policy((administration(scope), Statement("EncryptAlerts", "Allow", use, principal=_EVENTS)))


def alerts_topic(topic: str) -> Policy:
    """Return the policy of a topic, given its ARN: EventBridge publishes, and all requests use TLS."""
    no_tls = PolicyCondition("Bool", "aws:SecureTransport", ("false",))
    return Policy(
        (
            Statement("PublishAlerts", "Allow", ("sns:Publish",), (topic,), _EVENTS),
            Statement("DenyInsecureTransport", "Deny", ("sns:Publish",), (topic,), ANY_PRINCIPAL, (no_tls,)),
        )
    )
