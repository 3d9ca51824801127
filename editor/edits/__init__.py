"""Edits by instruction, without Qt: what the panels show, the region, the request, variants, layers and recipes."""
