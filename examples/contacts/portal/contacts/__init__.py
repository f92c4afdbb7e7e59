"""Contacts: whom to ask about an application. An example of a resource with all that one needs.

Read `models`, `schemas`, `service`, `resource`, `forms`, `table`, `pages`, `feature`.
Table: contact.
"""
