"""Panes: a renderer with a border, and what may be done with its rows."""
