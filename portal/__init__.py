"""The cPod integration portal."""
