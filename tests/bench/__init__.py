"""How fast the portal is, as ratios of two things measured in turn: `make bench`."""
