"""The operations as methods. Made by `make sdk`; not changed by hand."""
