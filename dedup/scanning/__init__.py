"""One scan: list the files, examine what is new, match, save."""
