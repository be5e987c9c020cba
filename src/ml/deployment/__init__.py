"""Images, the places that serve them, and how one replaces another."""
