"""Screens: start, debugger, help and small dialogs."""
