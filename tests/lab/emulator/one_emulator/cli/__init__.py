"""The command line: onedatastore, onehook, onehost and their kin. Nothing heavy is imported before it is needed."""
