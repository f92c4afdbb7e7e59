"""All pages of keys: importing this gives the blueprint its routes."""

from portal.keys.issuing import link_pages
from portal.keys.leaks import pages as leak_pages
from portal.keys.pages import bp
from portal.keys.revocation import pages as stop_pages
from portal.keys.rotation import pages as rotate_pages
from portal.keys.usage import posture_pages

PARTS = (leak_pages, link_pages, posture_pages, rotate_pages, stop_pages)
__all__ = ["PARTS", "bp"]
