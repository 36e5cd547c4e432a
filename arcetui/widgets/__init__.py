"""Widgets: they draw rows and take keys; they know nothing of a kernel."""
