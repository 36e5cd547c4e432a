"""The emulated kernel: ArceOS's backbone and Starry's monolithic plugin, in Python.

Knowledge flows down only: `crates <- machine <- modules <- plugins <- inspect <- timeline <-
boot, control`. Nothing here imports the user interface, prints, or touches the host's files.
"""
