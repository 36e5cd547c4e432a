"""Views to rows of text and style: pure, no Textual. Used by panes, by batch mode and by tests."""
