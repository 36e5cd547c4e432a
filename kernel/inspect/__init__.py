"""Frozen views of everything in the machine: what front ends read instead of live objects."""
