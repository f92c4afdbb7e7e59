"""What only development needs: `portal dev`, demo data, an identity provider and a receiver.

A distribution of its own. It adds its commands to `portal`; nothing in `portal` names it.
"""
