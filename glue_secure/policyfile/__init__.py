"""The organisation's policy file: what runs may do beyond the strictest default (docs/policy.md)."""
