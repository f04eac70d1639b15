"""The pools of oned: one module per kind of object, each with the API calls of that kind."""
