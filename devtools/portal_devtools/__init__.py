"""Tools for development only: `portal dev`, demo data, an identity provider and a receiver.

They are a separate distribution, which adds its commands to `portal`. Nothing in `portal` refers to
it.
"""
