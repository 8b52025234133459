"""Reads files of users, walks folders of strangers, writes atomically, computes digests."""
