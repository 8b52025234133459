"""Model files of users: check, convert, bisect."""
