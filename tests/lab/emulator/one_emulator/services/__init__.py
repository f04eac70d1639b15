"""The services beside oned: each reads its configuration file, fails on a bad one, and answers on its real port."""
