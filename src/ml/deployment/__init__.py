"""Images, the environments that serve them, and the replacement of one image by another."""
