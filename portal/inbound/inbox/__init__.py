"""A receiver of the tenant's own, and the failures it answers with on order."""
