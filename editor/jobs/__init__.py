"""Work off the GUI thread: the engine in its process, and anything else that takes longer than a frame."""
