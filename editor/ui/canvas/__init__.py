"""The picture in the window: one canvas, and a grid of pictures beside each other."""
