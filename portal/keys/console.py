"""All pages of keys: importing this gives the blueprint its routes."""

from portal.keys import leak_pages, link_pages, posture_pages, rotate_pages, stop_pages
from portal.keys.pages import bp

PARTS = (leak_pages, link_pages, posture_pages, rotate_pages, stop_pages)
__all__ = ["PARTS", "bp"]
